# cd, eval, source, type, command, exec, printf, umask
cd /; pwd; cd /dev; pwd; cd -; echo $PWD $OLDPWD
HOME=/tmp; cd; pwd
cd /nosuch 2> /dev/null; echo $?
eval 'x=5; echo $x' ; eval echo '$x'; eval; echo $?
eval 'for i in 1 2' '; do echo $i; done'
f=/tmp/sh-test-$$; echo 'v=sourced; echo "in file $1"; return 4; echo never' > $f
. $f; echo $? $v
command -v cd; command -v nosuch; echo $?
(exec sh -c 'echo replaced'; echo never)
exec 3> $f; echo three >&3; exec 3>&-; cat $f; rm $f
printf '%s-%d|%5s|%-5s|%05d|%x|%c\n' a 42 r l 7 255 xyz
printf '%s\n' one two three
printf 'tab\there\\ %% \101\n'
printf '%b\n' 'a\tb'
umask 022; umask
true; :; echo $?
type cd | grep -c cd
echo -n 'no newline'; echo
unset nothing; echo $?
a=1; unset a; echo "${a-unset}"
echo '#!/bin/sh' > $f; echo 'echo script $1' >> $f; chmod 755 $f; $f arg; rm $f
echo 'echo no hash bang $1 $#' > $f; chmod 755 $f; $f arg; rm $f
echo 'echo from stdin; read x; echo "got $x"
data' | sh
