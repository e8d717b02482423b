# Errors are reported, with status 2, and nothing of the line runs.
for s in 'if true' 'echo "open' "echo 'open" 'echo $(open' 'echo `open' 'echo ${x' 'for' 'for 1 in a; do :; done' \
    'case x in' '{ echo a' '( echo a' 'echo a )' 'fi' 'done' 'then' '| cat' '&& echo' 'echo a | | b' 'echo ;; b' \
    'echo <' 'echo >' 'while true; done' 'if then fi' 'f( { :; }' 'echo $((1 + 2)' '! ' '; echo a'
do
    sh -c "echo before; $s" > /tmp/out-$$ 2> /tmp/err-$$
    echo "$s: status $? output '$(cat /tmp/out-$$)'" $(grep -c . /tmp/err-$$) line
done
rm /tmp/out-$$ /tmp/err-$$
