# $(...) and backquotes.
echo $(echo a b) "$(echo 'a  b')" $(echo 'a  b')
echo `echo old` "`echo \"old style\"`" `echo \`echo nested\``
echo $(echo $(echo $(echo deep)))
echo "$(printf 'no newlines at the end\n\n\n')."
x=$(echo assigned); echo $x
x=$(false); echo $?
x=$(exit 7)y; echo $? $x
echo $(case x in x) echo parenthesis;; esac)
echo $( # comment with a )
echo after
)
echo "$(echo ")")" '$(' "\$("
echo $(for i in 1 2 3; do echo $i; done)
set -- $(seq 1 500); echo $# ${500}
x=$(seq 1 3000); echo ${#x}
echo "$(cat <<E
here in $(echo there)
E
)"
echo $(echo $((1 + $(echo 2))))
y=outer; x=$(y=inner; echo $y); echo $x $y
