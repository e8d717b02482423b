# Background commands and wait
sleep 1 & wait; echo $?
(exit 3) & wait $!; echo $?
sh -c 'exit 4' & p=$!; wait $p; echo $?
wait 99999; echo $?
(sleep 1; echo later) & echo now; wait
for i in 1 2 3; do (exit $i) & done; wait; echo $?
cat & wait; echo "cat read nothing"
echo a | cat & wait
{ echo grouped; } & wait
sleep 30 & kill $!; wait $!; echo $?
true & a=$!; false & b=$!; wait $a; echo $?; wait $b; echo $?
