# Small text tools in pipelines.
printf 'b 2\na 10\nc 1\n' > /tmp/t-$$
sort /tmp/t-$$; sort -r /tmp/t-$$; sort -n -k 2 /tmp/t-$$; sort -k 2 /tmp/t-$$
printf '3\n1\n2\n1\n' | sort -nu; printf 'x:2\ny:1\n' | sort -t : -k 2n
printf 'a\na\nb\nc\nc\nc\n' | uniq; printf 'a\na\nb\n' | uniq -d; printf 'a\na\nb\n' | uniq -u
printf 'a\na\nb\n' | uniq -c
echo Hello | tr a-z A-Z; echo hello | tr -d l; echo aabbcc | tr -s ab; echo a1b2 | tr -cd 0-9; echo
echo 'x y' | tr ' ' '\n'; echo HeLLo | tr '[:upper:]' '[:lower:]'
echo a:b:c | cut -d : -f 2; echo a:b:c | cut -d : -f 1,3; echo abcdef | cut -c 2-4,6; echo nodelim | cut -d : -f 2
printf 'one\ntwo\nthree\n' > /tmp/g-$$
grep t /tmp/g-$$; grep -v t /tmp/g-$$; grep -c e /tmp/g-$$; grep -n o /tmp/g-$$; grep -i ONE /tmp/g-$$
grep '^t.*e$' /tmp/g-$$; grep -E 'one|three' /tmp/g-$$; grep -F . /tmp/g-$$; echo $?; grep -q two /tmp/g-$$; echo $?
grep -E '^(t|o)[a-w]+$' /tmp/g-$$; grep 'e\{2\}' /tmp/g-$$; grep -x one /tmp/g-$$; grep -l two /tmp/g-$$ | grep -c g
seq 3; seq 2 4; seq 10 -5 0; seq -w 8 10
seq 1 5 | xargs; seq 1 5 | xargs -n 2 echo n; echo 'a b' | xargs -I X echo '<X>'; echo "'q 1' b" | xargs -n 1
echo same > /tmp/c-$$; cmp /tmp/c-$$ /tmp/c-$$; echo $?; cmp /tmp/t-$$ /tmp/g-$$ > /dev/null; echo $?
cmp -s /tmp/t-$$ /tmp/nofile-$$ ; echo $?
printf 'hello, world\000\001' | hexdump -C
echo t | tee /tmp/c-$$; echo u | tee -a /tmp/c-$$; cat /tmp/c-$$
env -i A=1 /bin/env; A=5 env | grep ^A=; env B=2 sh -c 'echo $B'
/bin/test 1 -lt 2; echo $?; /bin/test; echo $?
rm /tmp/t-$$ /tmp/g-$$ /tmp/c-$$
