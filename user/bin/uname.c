/* uname [-amnrsv]: the names of the system: kernel (-s), host (-n), release (-r), version (-v), machine (-m).
 */
#include "user/lode.h"

int main(int argc, char **argv)
{
    struct abi_utsname name;
    const char letters[] = "snrvm";
    bool shown[5] = {false}, any = false;
    if (uname(&name) < 0)
        die("uname");
    for (int c; (c = getopt(argc, argv, "asnrvm")) != -1;) {
        if (c == '?')
            usage("uname [-amnrsv]");
        for (int i = 0; i < 5; i++)
            shown[i] |= c == 'a' || c == letters[i];
        any = true;
    }
    shown[0] |= !any;
    const char *texts[] = {name.sysname, name.nodename, name.release, name.version, name.machine};
    const char *gap = "";
    for (int i = 0; i < 5; i++)
        if (shown[i]) {
            out_printf("%s%s", gap, texts[i]);
            gap = " ";
        }
    out_byte('\n');
    out_flush();
    return 0;
}
