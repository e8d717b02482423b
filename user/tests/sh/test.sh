# test and [
t() { if [ "$@" ]; then echo yes; else echo no; fi; }
t a; t ''; t; t -n a; t -n ''; t -z ''; t -z a
t a = a; t a = b; t a != b; t -n = -n; t ! = !; t '(' = ')'
t 1 -eq 1; t 1 -ne 1; t 1 -lt 2; t 2 -le 2; t 3 -gt 4; t 4 -ge 4; t -5 -lt 3; t 10 -gt 9
t ! a; t ! ''; t ! a = b
t a -a b; t a -a ''; t '' -o b; t '' -o ''; t a -o b -a ''
t '(' a ')' ; t '(' '' -o a ')' -a b
t -d /; t -f /; t -e /nofile; t -e /dev/null; t -c /dev/null; t -r /dev/null
f=/tmp/sh-test-$$; echo x > $f; t -f $f; t -s $f; t -x $f; chmod 755 $f; t -x $f; t -w $f
ln -s $f $f.l; t -L $f.l; t -h $f; t -f $f.l; t $f -ef $f.l; rm $f $f.l
t -t 99
[ a -eq 1 ] 2> /dev/null; echo $?
[ a = ] 2> /dev/null; echo $?
[ a 2> /dev/null; echo $?
test a = a -a 1 -lt 2; echo $?
test -a; echo $?
