# Positional parameters.
set -- a 'b c' d
echo $# $1 "$2" $3 "$*"
for w in "$@"; do echo "<$w>"; done
for w in $@; do echo "<$w>"; done
for w in "pre $@ post"; do echo "<$w>"; done
for w; do echo "<$w>"; done
shift; echo $# "$1"
shift 2; echo $# "[$1]" "[$*]" "[$@]"
set --; for w in "$@"; do echo never; done
for w in "" "$@"; do echo "one <$w>"; done
set -- 1 2 3 4 5 6 7 8 9 ten eleven; echo $10 ${10} ${11}
IFS=,; echo "$*"; unset IFS
f() { echo "$# $1"; shift; echo "$# $1"; set -- x y z; echo "$#"; }
f p q; echo "$# $1"
sh -c 'echo $0 $1 $#' zero one two
set -- "$@" twelve; echo $# ${12}
