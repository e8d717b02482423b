# Quoting, splitting and what makes a word.
echo a  b   c
echo 'single $x "q" \n' "double 'q' \$x \\ \`"
echo a\ b \$x \\ \'
echo "a""b"'c'd
echo "" '' | cat -
echo x"" ''y
echo 'multi
line' "and
another"
echo con\
tinued "con\
tinued"
echo # a comment
echo a#b '#c' #d
echo one; echo two ;echo three
x='a b'; echo $x "$x" x$x'y'
x='  lead and trail  '; echo $x; echo "$x"
for w in $x "$x" ''; do echo "<$w>"; done
echo ~x "~" '~/'
HOME=/home/me; echo ~ ~/file a~
