# while, until, for, break, continue
i=0; while [ $i -lt 3 ]; do echo $i; i=$((i + 1)); done
until [ $i -eq 0 ]; do i=$((i - 1)); echo $i; done
for x in a b 'c d'; do echo "<$x>"; done
for x in; do echo never; done; echo $?
for x in 1 2 3 4 5; do
    [ $x = 2 ] && continue
    [ $x = 4 ] && break
    echo $x
done
for i in 1 2; do for j in 1 2 3; do [ $j = 2 ] && continue 2; echo $i$j; done; echo never; done
for i in 1 2; do for j in 1 2 3; do [ $j = 2 ] && break 2; echo $i$j; done; echo never; done
while true; do break; done; echo $?
while :; do while :; do break 2; done; echo never; done; echo out
n=0; while n=$((n + 1)); [ $n -lt 4 ]; do :; done; echo $n
for i in 1 2 3
do echo $i
done
for i in $(seq 1 3); do echo $i; done | cat
set -- p q; for a do echo $a; done
while false; do :; done; echo $?
for i in 1; do (exit 9); done; echo $?
for i in 1 2 3; do echo $i; if [ $i = 2 ]; then break; fi; done
