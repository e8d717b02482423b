/* Patterns of file names: * is any text, ? any character, [a-z] one of a set, [!a-z] one that is not;
 * \ quotes what follows.
 *
 * Matching needs no recursion: when a character does not fit, the text that the last * covers grows by one,
 * and an earlier * never needs another look. */
#include "user/lode.h"

/* Bytes of the UTF-8 character at s. */
static int char_length(const char *s)
{
    int n = 1;
    while (((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

int char_class(const char *name, size_t len, int c)
{
    static const struct {
        const char *name;
        bool (*test)(int c);
    } classes[] = {
        {"alpha", isalpha}, {"digit", isdigit}, {"alnum", isalnum}, {"upper", isupper},
        {"lower", islower}, {"space", isspace}, {"print", isprint},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strncmp(classes[i].name, name, len) == 0 && classes[i].name[len] == '\0')
            return classes[i].test(c);
    return -1;
}

/* p is after a '['. Tells whether c is in the set and moves *end past the ']'; *end NULL: there is none, and
 * the '[' is a character as any other. */
static bool in_set(const char *p, unsigned char c, const char **end)
{
    bool invert = *p == '!' || *p == '^', found = false, first = true;
    p += invert;
    for (*end = NULL; *p && (*p != ']' || first); first = false) {
        const char *close = p[0] == '[' && p[1] == ':' ? strstr(p + 2, ":]") : NULL;
        if (close) {
            found |= char_class(p + 2, close - p - 2, c) == 1;
            p = close + 2;
            continue;
        }
        p += p[0] == '\\' && p[1];
        unsigned char low = *p++, high = low;
        if (p[0] == '-' && p[1] && p[1] != ']') {
            p += 1 + (p[1] == '\\' && p[2]);
            high = *p++;
        }
        found |= low <= c && c <= high;
    }
    if (*p == ']')
        *end = p + 1;
    return found != invert;
}

bool pattern_match(const char *p, const char *s)
{
    const char *star = NULL, *covered = NULL, *end;
    for (;;) {
        if (*p == '*') {
            star = ++p;
            covered = s;
            continue;
        }
        if (!*s && !*p)
            return true;
        if (*s && *p == '?') {
            p++;
            s += char_length(s);
            continue;
        }
        if (*s && *p == '[') {
            bool found = in_set(p + 1, *s, &end);
            if (end && found) {
                p = end;
                s += char_length(s);
                continue;
            }
            if (end)
                goto differ;
        }
        const char *literal = p + (p[0] == '\\' && p[1]);
        if (*s && *literal == *s) {
            p = literal + 1;
            s++;
            continue;
        }
    differ:
        if (!star || !*covered)
            return false;
        p = star;
        s = ++covered;
    }
}
