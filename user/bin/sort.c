/* sort: prints the lines of its input in order.
 *
 *     sort [-nru] [-t SEPARATOR] [-k FIELD[,FIELD]]... [FILE...]
 *
 * -n compares numbers, -r turns the order round, -u prints one of equal lines. -k compares fields only, from
 * the first to the second one (or the end of the line), the next -k where these are equal; n and r may follow
 * a field's number. Fields are separated by -t's character, or else by white space, which belongs to the
 * field after it. Lines with equal keys are in the order of all their bytes. */
#include "user/lode.h"

#define KEYS_MAX 8

struct key {
    long first, last; /* fields, from 1; last 0: to the end of the line */
    bool numeric, reverse;
};

static struct key keys[KEYS_MAX];
static int nkeys;
static bool numeric, reverse, unique;
static char separator; /* 0: white space */

static struct {
    char **v;
    size_t count, room;
} lines;

/* ---- keys ---- */

static const char *skip_field(const char *s)
{
    if (separator) {
        while (*s && *s != separator)
            s++;
        return s;
    }
    while (isspace(*s))
        s++;
    while (*s && !isspace(*s))
        s++;
    return s;
}

/* The part of a line that a key compares: its begin, and its length in *len. */
static const char *key_text(const char *line, const struct key *k, size_t *len)
{
    const char *s = line;
    for (long i = 1; i < k->first && *s; i++) {
        s = skip_field(s);
        s += separator && *s;
    }
    const char *end = s;
    for (long i = k->first; k->last && i <= k->last; i++) {
        end += separator && i > k->first && *end;
        end = skip_field(end);
    }
    *len = k->last ? (size_t)(end - s) : strlen(s);
    return s;
}

/* Compares decimal numbers of any length, with a fraction: as text, so no digit is lost. */
static int compare_numbers(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const char *s[2] = {a, b}, *end[2] = {a + a_len, b + b_len};
    size_t digits[2];
    bool negative[2];
    for (int i = 0; i < 2; i++) {
        while (s[i] < end[i] && isspace(*s[i]))
            s[i]++;
        negative[i] = s[i] < end[i] && *s[i] == '-';
        s[i] += negative[i];
        while (s[i] < end[i] && *s[i] == '0')
            s[i]++;
        for (digits[i] = 0; s[i] + digits[i] < end[i] && isdigit(s[i][digits[i]]);)
            digits[i]++;
    }
    int order = (digits[0] > digits[1]) - (digits[0] < digits[1]);
    if (order == 0)
        order = memcmp(s[0], s[1], digits[0]);
    bool fraction[2];
    for (int i = 0; i < 2; i++) {
        s[i] += digits[i];
        fraction[i] = s[i] < end[i] && *s[i] == '.';
        s[i] += fraction[i];
    }
    bool zero[2] = {!digits[0], !digits[1]};
    for (bool more = true; more && order == 0;) {
        int d[2];
        more = false;
        for (int i = 0; i < 2; i++) {
            bool has = fraction[i] && s[i] < end[i] && isdigit(*s[i]);
            d[i] = has ? *s[i]++ : '0';
            zero[i] &= d[i] == '0';
            more |= has;
        }
        order = d[0] - d[1];
    }
    if (negative[0] != negative[1]) /* but -0 is 0 */
        return zero[0] && zero[1] && order == 0 ? 0 : negative[0] ? -1 : 1;
    return negative[0] ? -order : order;
}

static int compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* By the keys alone. */
static int compare_keys(const char *a, const char *b)
{
    static const struct key whole = {.first = 1};
    for (int i = 0; i < nkeys || i == 0; i++) {
        const struct key *k = nkeys ? &keys[i] : &whole;
        size_t a_len, b_len;
        const char *x = key_text(a, k, &a_len), *y = key_text(b, k, &b_len);
        bool own = k->numeric || k->reverse; /* a key's letters replace the general options */
        int order = (own ? k->numeric : numeric) ? compare_numbers(x, a_len, y, b_len)
                                                 : compare_text(x, a_len, y, b_len);
        if (order)
            return (own ? k->reverse : reverse) ? -order : order;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int order = compare_keys(x, y);
    return order ? order : reverse ? strcmp(y, x) : strcmp(x, y);
}

static void parse_key(char *s)
{
    if (nkeys == KEYS_MAX)
        diex("too many keys");
    struct key *k = &keys[nkeys++];
    char *end;
    k->first = strtol(s, &end, 10);
    for (int part = 0; part < 2; part++) {
        if (*end == '.') /* a place inside the field */
            diex("-k %s: only whole fields can be keys", s);
        for (; *end && *end != ','; end++) {
            if (*end != 'n' && *end != 'r')
                diex("-k %s: bad key", s);
            k->numeric |= *end == 'n';
            k->reverse |= *end == 'r';
        }
        if (part == 0 && *end == ',')
            k->last = strtol(end + 1, &end, 10);
        if (k->first < 1 || k->last < 0 || (part == 1 && *end))
            diex("-k %s: bad key", s);
    }
}

/* ---- lines ---- */

static void read_lines(int fd, const char *name)
{
    struct input in = {.fd = fd};
    int64_t len;
    char *line = NULL;
    size_t size = 0;
    while ((len = input_line(&in, &line, &size)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (lines.count == lines.room) {
            lines.room = lines.room * 2 + 64;
            lines.v = xrealloc(lines.v, lines.room * sizeof(char *));
        }
        char *copy = strdup(line);
        if (!copy)
            diex("out of memory");
        lines.v[lines.count++] = copy;
    }
    free(line);
    errno = in.error;
    if (in.error)
        die("%s", name);
}

int main(int argc, char **argv)
{
    static const char text[] = "sort [-nru] [-t SEPARATOR] [-k FIELD[,FIELD]]... [FILE...]";
    int c;
    while ((c = getopt(argc, argv, "nruk:t:")) != -1) {
        if (c == '?' || (c == 't' && strlen(optarg) != 1))
            usage(text);
        numeric |= c == 'n';
        reverse |= c == 'r';
        unique |= c == 'u';
        if (c == 'k')
            parse_key(optarg);
        else if (c == 't')
            separator = optarg[0];
    }
    if (optind == argc)
        read_lines(0, "standard input");
    for (int i = optind; i < argc; i++) {
        int fd = strcmp(argv[i], "-") == 0 ? 0 : open(argv[i], O_RDONLY);
        if (fd < 0)
            die("%s", argv[i]);
        read_lines(fd, argv[i]);
        if (fd > 0)
            close(fd);
    }
    qsort(lines.v, lines.count, sizeof(char *), compare);
    for (size_t i = 0; i < lines.count; i++) {
        if (unique && i > 0 && compare_keys(lines.v[i - 1], lines.v[i]) == 0)
            continue;
        out_string(lines.v[i]);
        out_byte('\n');
    }
    out_flush();
    return 0;
}
