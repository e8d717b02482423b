# Much of everything.
i=0; s=; while [ $i -lt 500 ]; do s="$s( "; i=$((i + 1)); done
i=0; s="$s echo nested"; while [ $i -lt 500 ]; do s="$s )"; i=$((i + 1)); done
eval "$s"
i=0; s=; while [ $i -lt 3000 ]; do s="$s{ "; i=$((i + 1)); done
sh -c "$s" 2> /dev/null; echo $?
f() { f; }; (f) 2> /dev/null; echo $?
x=$(seq 1 20000); set -- $x; echo $# ${20000}
x=0123456789; i=0; while [ $i -lt 12 ]; do x=$x$x; i=$((i + 1)); done; echo ${#x}
echo $(echo "$x" | wc -c)
for i in $x; do echo ${#i}; done
echo $( (eval "echo $x") | wc -c)
s=':'; for i in $(seq 1 2000); do s="$s; :"; done; eval "$s"; echo $?
s='true'; for i in $(seq 1 2000); do s="$s && true"; done; eval "$s"; echo $?
s='echo p'; for i in $(seq 1 20); do s="$s | cat"; done; eval "$s"
for i in $(seq 1 100); do : > /dev/null < /dev/null; done; echo open files are closed
seq 1 10000 | tail -n 1
