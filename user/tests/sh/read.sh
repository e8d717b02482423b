# read
printf 'a b c\n' | { read x y; echo "<$x> <$y>"; }
printf 'a b c\n' | { read x y z w; echo "<$x> <$y> <$z> <$w>"; }
printf '  lead trail  \n' | { read x; echo "<$x>"; }
printf 'back\\slash \\  end\n' | { read x y; echo "<$x> <$y>"; }
printf 'back\\slash\n' | { read -r x; echo "<$x>"; }
printf 'joined\\\nline\n' | { read x; echo "<$x>"; }
printf 'a:b::d\n' | { IFS=: read w x y z; echo "<$w> <$x> <$y> <$z>"; }
printf 'a : b\n' | { IFS=': ' read x y; echo "<$x> <$y>"; }
printf 'l1\nl2\n' | { read a; read b; read c; echo "$? <$a> <$b> <$c>"; }
printf 'no newline' | { read x; echo "$? <$x>"; }
printf '\n' | { read x y; echo "<$x> <$y>"; }
printf '  spaces kept  \n' | { IFS= read -r x; echo "<$x>"; }
printf '1\n2\n3\n' | { read x; cat; }
printf '1 one\n2 two\n' | while read n w; do echo $w=$n; done
