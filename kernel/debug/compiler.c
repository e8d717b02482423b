/* What the compiler calls from a debug build's code where C says that behaviour is undefined
 * (-fsanitize=undefined). */
#include "debug/debug.h"

#include "lib/printk.h"

/* Both compilers lay these out alike. Other handlers' data begin with the place as well. */
struct place {
    const char *file;
    uint32_t line, column;
};

struct type_mismatch {
    struct place at;
    const void *type;
    uint8_t log_align, kind;
};

#define AT_FORMAT ", at %s:%u:%u"
#define AT(place) (place)->file, (place)->line, (place)->column

/* Operands of up to 64 bits come as they are, sign-extended; larger ones by their address. */
#define OPERANDS_HANDLER(name, what)                                                                         \
    _Noreturn void name(const struct place *at, uint64_t a, uint64_t b);                                     \
    void name(const struct place *at, uint64_t a, uint64_t b)                                                \
    {                                                                                                        \
        panic("%s: operands 0x%lx, 0x%lx" AT_FORMAT, what, a, b, AT(at));                                    \
    }
#define VALUE_HANDLER(name, what)                                                                            \
    _Noreturn void name(const struct place *at, uint64_t value);                                             \
    void name(const struct place *at, uint64_t value)                                                        \
    {                                                                                                        \
        panic("%s: 0x%lx" AT_FORMAT, what, value, AT(at));                                                   \
    }
#define PLACE_HANDLER(name, what)                                                                            \
    _Noreturn void name(const struct place *at);                                                             \
    void name(const struct place *at)                                                                        \
    {                                                                                                        \
        panic("%s" AT_FORMAT, what, AT(at));                                                                 \
    }

OPERANDS_HANDLER(__ubsan_handle_add_overflow_abort, "signed overflow in an addition")
OPERANDS_HANDLER(__ubsan_handle_sub_overflow_abort, "signed overflow in a subtraction")
OPERANDS_HANDLER(__ubsan_handle_mul_overflow_abort, "signed overflow in a multiplication")
OPERANDS_HANDLER(__ubsan_handle_divrem_overflow_abort, "division by zero, or overflow in a division")
OPERANDS_HANDLER(__ubsan_handle_shift_out_of_bounds_abort, "shift by too much, or of a negative number")
VALUE_HANDLER(__ubsan_handle_negate_overflow_abort, "signed overflow in a negation")
VALUE_HANDLER(__ubsan_handle_out_of_bounds_abort, "index out of an array's bounds")
VALUE_HANDLER(__ubsan_handle_load_invalid_value_abort, "value that its type does not have")
VALUE_HANDLER(__ubsan_handle_vla_bound_not_positive_abort, "array of no or negative size")
PLACE_HANDLER(__ubsan_handle_nonnull_arg_abort, "null pointer where the function takes none")
PLACE_HANDLER(__ubsan_handle_invalid_builtin_abort, "count of leading or trailing zeros in 0")
PLACE_HANDLER(__ubsan_handle_builtin_unreachable, "code reached that cannot be reached")
PLACE_HANDLER(__ubsan_handle_missing_return, "function ended without returning a value")

_Noreturn void __ubsan_handle_type_mismatch_v1_abort(const struct type_mismatch *m, uintptr_t address);
void __ubsan_handle_type_mismatch_v1_abort(const struct type_mismatch *m, uintptr_t address)
{
    bool misaligned = address & ((1ul << m->log_align) - 1);

    panic("%s: 0x%lx%s" AT_FORMAT,
          address == 0 ? "null pointer is followed"
          : misaligned ? "pointer to a misaligned address is followed"
                       : "pointer to an object that is too small is followed",
          address, debug_pattern(address), AT(&m->at));
}
