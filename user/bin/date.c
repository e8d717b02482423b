/* date [-u] [+FORMAT]: prints the time, in UTC. FORMAT: %Y %y %m %d %e %H %M %S %a %b %j %F %T %N %s %Z %n %t
 * %%. */
#include "user/lode.h"

static int day_of_year(const struct utc *t)
{
    int day = t->day;
    for (int month = 1; month < t->month; month++) {
        bool leap = t->year % 4 == 0 && (t->year % 100 != 0 || t->year % 400 == 0);
        day += month == 2 ? 28 + leap : 30 + (month + (month > 7)) % 2;
    }
    return day;
}

static void print_format(const char *f, const struct utc *t, const struct abi_timespec *now);

static void print_item(char letter, const struct utc *t, const struct abi_timespec *now)
{
    switch (letter) {
    case 'Y':
        return out_printf("%04ld", t->year);
    case 'y':
        return out_printf("%02ld", t->year % 100);
    case 'm':
        return out_printf("%02d", t->month);
    case 'd':
        return out_printf("%02d", t->day);
    case 'e':
        return out_printf("%2d", t->day);
    case 'j':
        return out_printf("%03d", day_of_year(t));
    case 'H':
        return out_printf("%02d", t->hour);
    case 'M':
        return out_printf("%02d", t->minute);
    case 'S':
        return out_printf("%02d", t->second);
    case 'N':
        return out_printf("%09ld", now->nsec);
    case 's':
        return out_printf("%ld", now->sec);
    case 'a':
        return out_string(weekday_names[t->weekday]);
    case 'b':
        return out_string(month_names[t->month - 1]);
    case 'F':
        return print_format("%Y-%m-%d", t, now);
    case 'T':
        return print_format("%H:%M:%S", t, now);
    case 'Z':
        return out_string("UTC");
    case 'n':
        return out_byte('\n');
    case 't':
        return out_byte('\t');
    case '%':
        return out_byte('%');
    default:
        return out_printf("%%%c", letter);
    }
}

static void print_format(const char *f, const struct utc *t, const struct abi_timespec *now)
{
    for (; *f; f++)
        if (*f == '%' && f[1])
            print_item(*++f, t, now);
        else
            out_byte(*f);
}

int main(int argc, char **argv)
{
    const char *format = "%a %b %e %H:%M:%S %Z %Y";
    struct abi_timespec now;
    for (int c; (c = getopt(argc, argv, "u")) != -1;)
        if (c == '?')
            usage("date [-u] [+FORMAT]");
    if (optind < argc && (argv[optind][0] != '+' || optind + 1 < argc))
        usage("date [-u] [+FORMAT]");
    if (optind < argc)
        format = argv[optind] + 1;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0)
        die("clock_gettime");
    struct utc t = utc_from_seconds(now.sec);
    print_format(format, &t, &now);
    out_byte('\n');
    out_flush();
    return 0;
}
