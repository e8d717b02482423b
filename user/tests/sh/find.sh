# find
d=/tmp/sh-test-$$; mkdir $d && cd $d || exit 1
mkdir -p a/b c; echo > a/f.c; echo > a/b/g.c; echo 12345 > c/h.txt; ln -s a l
find . | sort; find a c -type f | sort; find . -name '*.c' | sort
find . -maxdepth 1 | sort; find . -type d | sort; find . -type l
find . -type f ! -name '*.c'; find . -name h.txt -o -name g.c | sort
find . -name '*.txt' -exec echo found {} \; ; find . -size -2c -type f | sort
find a -name f.c -print; find nosuch 2> /dev/null; echo $?
find . '(' -name f.c -o -name h.txt ')' -type f | sort
cd /; rm -r $d
