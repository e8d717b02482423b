# Parameters and their expansions.
x=hello
echo $x ${x} "${x}world" $xworld.
echo ${u-unset} ${u:-empty} ${x:-no} ${x:+yes} ${u:+no}.
e=; echo "${e-unset}" "${e:-empty}" "${e+set}" "${e:+nonempty}."
echo ${v:=assigned} $v
echo ${#x} ${#e} ${#u}
p=/usr/lib/libc.so.6
echo ${p##*/} ${p#*/} ${p%.*} ${p%%.*} ${p%/*}
echo ${p#x} ${p%x} ${p#/usr/}
q='*'; s='a*b*c'; echo "${s#a"$q"}" "${s%%"$q"*}"
echo "${u:-"a b"}" ${u:-'c  d'} ${u:-e  f}
echo "${u:-${w:-nested $x}}"
a=1 b=2; echo $a$b
a=$b; b='x y'; c=$b; echo "$c"
unset x; echo "[$x]" "${x-gone}"
x=1; x=2 true; echo $x
f() { echo "in f: $x"; }; x=3 f; echo $x
export E=exported; sh -c 'echo $E $0 $#' name a b
N=visible sh -c 'echo $N'; echo "${N-not here}"
readonly R=1; (R=2) 2>/dev/null; echo $? $R
IFS=:; y=a:b::c; for w in $y; do echo "<$w>"; done
unset IFS; y='a b'; set -- $y; echo $# $1
