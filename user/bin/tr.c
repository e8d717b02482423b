/* tr: replaces, deletes or squeezes bytes.
 *
 *     tr [-c] [-s] SET1 SET2      replace each byte of SET1 by the one at the same place of SET2
 *     tr [-c] -d SET1             delete them
 *     tr [-c] -s SET1             of several equal ones in a row, keep one
 *     tr [-c] -ds SET1 SET2       delete those of SET1, squeeze those of SET2
 *
 * A set is made of bytes, ranges a-z, classes [:upper:] and \n \t \\ \NNN. -c takes the bytes not in SET1. */
#include "user/lode.h"

struct set {
    unsigned char bytes[1024];
    int count;
    bool has[256];
};

static void add(struct set *set, int c)
{
    if (set->count == sizeof(set->bytes))
        diex("set too long");
    set->bytes[set->count++] = c;
    set->has[c] = true;
}

/* The byte at *s, which may be written with a backslash. */
static int next_byte(const char **s)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    int c = (unsigned char)*(*s)++;
    if (c != '\\' || !**s)
        return c;
    const char *letter = strchr(letters, **s);
    if (letter) {
        ++*s;
        return values[letter - letters];
    }
    if (**s < '0' || **s > '7')
        return (unsigned char)*(*s)++;
    for (c = 0; **s >= '0' && **s <= '7' && c < 32; ++*s)
        c = c * 8 + **s - '0';
    return c;
}

static bool add_class(struct set *set, const char **s)
{
    const char *name = *s + 2, *close = strncmp(*s, "[:", 2) == 0 ? strstr(name, ":]") : NULL;
    if (!close)
        return false;
    if (char_class(name, close - name, 0) < 0)
        diex("%s: no such class", *s);
    for (int c = 0; c < 256; c++)
        if (char_class(name, close - name, c))
            add(set, c);
    *s = close + 2;
    return true;
}

static void parse_set(struct set *set, const char *s)
{
    while (*s) {
        if (add_class(set, &s))
            continue;
        int low = next_byte(&s), high = low;
        if (s[0] == '-' && s[1]) {
            s++;
            high = next_byte(&s);
        }
        if (low > high)
            diex("range ends before it begins");
        for (int c = low; c <= high; c++)
            add(set, c);
    }
}

static void complement(struct set *set)
{
    struct set old = *set;
    memset(set, 0, sizeof(*set));
    for (int c = 0; c < 256; c++)
        if (!old.has[c])
            add(set, c);
}

int main(int argc, char **argv)
{
    static const char text[] = "tr [-cds] SET1 [SET2]";
    static struct set first, second;
    static struct input in = {.fd = 0};
    bool delete = false, squeeze = false, inverted = false;
    unsigned char map[256];
    int c, last = -1;
    while ((c = getopt(argc, argv, "cCds")) != -1) {
        if (c == '?')
            usage(text);
        delete |= c == 'd';
        squeeze |= c == 's';
        inverted |= c == 'c' || c == 'C';
    }
    int sets = argc - optind;
    if (sets < 1 || sets > 2 || (delete &&sets != 1 + squeeze) || (!delete &&!squeeze && sets != 2))
        usage(text);
    parse_set(&first, argv[optind]);
    if (inverted)
        complement(&first);
    if (sets == 2)
        parse_set(&second, argv[optind + 1]);
    for (int i = 0; i < 256; i++)
        map[i] = i;
    if (!delete &&sets == 2) {
        if (second.count == 0)
            diex("the second set is empty");
        for (int i = 0; i < first.count; i++) /* the last byte of SET2 serves for the rest */
            map[first.bytes[i]] = second.bytes[i < second.count ? i : second.count - 1];
    }
    const bool *squeezed = sets == 2 ? second.has : first.has;
    while ((c = input_byte(&in)) >= 0) {
        if (delete &&first.has[c])
            continue;
        c = map[c];
        if (squeeze && c == last && squeezed[c])
            continue;
        out_byte(last = c);
    }
    out_flush();
    return in.error ? 1 : 0;
}
