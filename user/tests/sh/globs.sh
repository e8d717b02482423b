# File names
d=/tmp/sh-test-$$; mkdir $d && cd $d || exit 1
mkdir sub dir2 .hid; echo > a.c; echo > b.c; echo > ab.h; echo > .hidden; echo > 'sp ace'
echo > sub/x.c; echo > sub/y.h; echo > dir2/x.c
echo *
echo *.c
echo ?.c [ab].c [!a].c a*
echo .h*
echo */x.c
echo sub/*
echo */
echo "*" '*.c' \*.c
echo nomatch* [z]
p=*.c; echo $p "$p"
for f in *; do echo "<$f>"; done
echo $(echo *.c)
set -- *.c; echo $#
set -f; echo *.c; set +f
echo "a"* 'a'?'c'
x='sp*'; rm $x; echo *
case *.c in '*.c') echo 'no globbing here';; esac
v=*.c; echo "$v"
cd /; rm -r $d
