/* Included before everything else where the variables must be found: machine.c sets them back. */
#pragma clang section bss = "restored_bss" data = "restored_data"
