# Functions
f() { echo "f $# $*"; }
f; f a; f a 'b c'
r() { return 3; echo never; }; r; echo $?
g() { false; }; g; echo $?
x=global; h() { x=changed; }; h; echo $x
l() { local x=local y; y=1; echo $x; }; l; echo $x "${y-unset}"
fact() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }; fact 10
fib() { [ $1 -lt 2 ] && { echo $1; return; }; echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); }; fib 7
sub() ( x=inside; echo $x ); sub; echo $x
outer() { inner() { echo inner; }; inner; }; outer; inner
w() { while :; do return 5; done; }; w; echo $?
f() { echo redefined; }; f
echo() { command echo "my $1"; }; echo word; unset -f echo; echo word
p() { printf '%s\n' "$@"; }; p a b | cat
q() { cat; }; command echo piped | q
s() { set -- new; command echo $1; }; set -- old; s; command echo $1
nest() { [ $1 = 0 ] || nest $(($1 - 1)); }; nest 100; command echo deep $?
v=before; t() { command echo $v; }; v=during t; command echo $v
e() { command echo a; exit 2; command echo b; }; (e); command echo $?
