/* Regular expressions, POSIX's two kinds. Matching takes time proportional to text times expression, whatever
 * the expression: there is no backtracking. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct regex;

enum regex_flags {
    REGEX_EXTENDED = 1, /* + ? | ( ) { are operators; else \( \) \{ \} (and \+ \? \|) are */
    REGEX_FIXED = 2,    /* nothing is an operator */
    REGEX_FOLD = 4,     /* capitals are small letters */
    REGEX_LINE = 8,     /* the whole line has to match */
};

/* Lines of the pattern are alternatives. A pattern that is no expression ends the program with a message. */
struct regex *regex_compile(const char *pattern, int flags);
bool regex_search(struct regex *re, const char *text, size_t len); /* does it match somewhere? */
