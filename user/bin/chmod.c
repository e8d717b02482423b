/* chmod: sets files' permissions.
 *
 *     chmod MODE FILE...      MODE: octal, or changes such as u+x,go-w or a=r
 */
#include "user/lode.h"

/* One change, "[ugoa...](+|-|=)[rwx...]"; NULL when it is none, else what follows it. */
static const char *change(const char *s, uint32_t *mode)
{
    uint32_t who = 0, bits = 0;
    for (; *s && strchr("ugoa", *s); s++)
        who |= *s == 'u' ? 0700 : *s == 'g' ? 0070 : *s == 'o' ? 0007 : 0777;
    if (who == 0)
        who = 0777;
    char how = *s;
    if (how != '+' && how != '-' && how != '=')
        return NULL;
    for (s++; *s && strchr("rwx", *s); s++)
        bits |= (*s == 'r' ? 0444 : *s == 'w' ? 0222 : 0111) & who;
    if (how == '=')
        *mode &= ~who;
    *mode = how == '-' ? *mode & ~bits : *mode | bits;
    return s;
}

static bool apply(const char *text, uint32_t *mode)
{
    char *end;
    if (isdigit(*text)) {
        uint64_t octal = strtoul(text, &end, 8);
        *mode = octal;
        return !*end && octal <= 07777;
    }
    while ((text = change(text, mode)) && *text == ',')
        text++;
    return text && !*text;
}

int main(int argc, char **argv)
{
    int status = 0;
    struct abi_stat st;
    if (argc < 3)
        usage("chmod MODE FILE...");
    for (int i = 2; i < argc; i++) {
        uint32_t mode = 0;
        if (getstat(argv[i], &st) == 0) {
            mode = st.mode & 07777;
            if (!apply(argv[1], &mode))
                usage("chmod MODE FILE...");
            if (chmod(argv[i], mode) == 0)
                continue;
        }
        warn("%s", argv[i]);
        status = 1;
    }
    return status;
}
