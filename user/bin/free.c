/* free [-hm]: memory in use, in KB; -m: in MB; -h: in units for people. */
#include "user/lode.h"

static char *meminfo;
static int unit = 1024;

/* A line of /proc/meminfo, "Name:   number kB", in bytes; 0 where it is missing. */
static uint64_t value(const char *name)
{
    const char *line = meminfo;
    size_t n = strlen(name);
    for (; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            return strtoul(line + n + 1, NULL, 10) * 1024;
    }
    return 0;
}

static void print_size(uint64_t bytes)
{
    char text[24];
    if (unit == 0)
        size_string(bytes, text);
    else
        snprintf(text, sizeof(text), "%lu", bytes / (uint64_t)unit);
    out_printf(" %11s", text);
}

int main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "hkm")) != -1;) {
        if (c == '?')
            usage("free [-hm]");
        unit = c == 'h' ? 0 : c == 'm' ? 1024 * 1024 : 1024;
    }
    meminfo = read_file("/proc/meminfo");
    if (!meminfo)
        die("/proc/meminfo");
    uint64_t total = value("MemTotal"), unused = value("MemFree"), cache = value("Buffers") + value("Cached");
    uint64_t available = value("MemAvailable");
    out_printf("     %11s %11s %11s %11s %11s\nMem: ", "total", "used", "free", "cache", "available");
    print_size(total);
    print_size(total - unused - cache);
    print_size(unused);
    print_size(cache);
    print_size(available ? available : unused + cache);
    out_byte('\n');
    out_flush();
    return 0;
}
