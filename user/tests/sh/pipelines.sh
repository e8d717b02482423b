# Pipes and lists.
echo hello | cat
echo hello | tr a-z A-Z | cat | cat
printf 'c\na\nb\n' | sort | head -n 2
true | false; echo $?
false | true; echo $?
! true; echo $?
! false | true; echo $?
true && echo and
false && echo never
false || echo or
true || echo never
false && echo no || echo 'left to right'
true && false || echo also
{ echo group; echo of two; } | cat
(echo sub; exit 3); echo $?
x=1; (x=2; echo $x); echo $x
{ x=3; }; echo $x
echo a |
  cat &&
  echo b
seq 1 1000 | while read n; do s=$((s + n)); [ $n = 1000 ] && echo $s; done
echo x | { read v; echo "read $v"; }
yes | head -n 1
(exit 5) | cat; echo $?
cat /dev/null | cat | cat; echo $?
