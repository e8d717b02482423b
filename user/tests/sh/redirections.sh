# Files and descriptors.
d=/tmp/sh-test-$$; mkdir $d && cd $d || exit 1
echo one > f; echo two >> f; cat < f
cat f f > g; cat g
echo err 2> e >&2; cat e
{ echo out; echo err >&2; } > both 2>&1; cat both
{ echo out; echo err >&2; } 2> e2 > o2; cat o2 e2
sh -c 'echo append >&2' 2>> e; cat e
echo to3 3> three >&3; cat three
exec 4> four; echo first >&4; echo second >&4; exec 4>&-; cat four
exec 5< f; read a <&5; read b <&5; echo $a $b; exec 5<&-
while read line; do echo "got $line"; done < f
if true; then echo inside; fi > compound; cat compound
for i in 1 2; do echo $i; done >> compound; cat compound
fn() { echo function; }; fn > ff; cat ff
cat < nofile 2> /dev/null; echo $?
echo x > /no/such/dir/file 2> /dev/null; echo $?
cat < nofile 2> /dev/null || echo failed
> empty; test -s empty; echo $?
echo 2>file; cat file; echo 2 >file; cat file
echo a >h b; cat h
x=name; echo var > $x; cat name
(echo closed >&-) 2> /dev/null; echo $?
echo back
cd /; rm -r $d
