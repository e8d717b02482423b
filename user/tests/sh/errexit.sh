# set -e, set -u, set -x
sh -c 'set -e; true; echo a; false; echo never'; echo $?
sh -c 'set -e; if false; then :; fi; echo a'
sh -c 'set -e; false || echo b; false && true; echo c'
sh -c 'set -e; ! true; echo d'
sh -c 'set -e; while false; do :; done; echo e'
sh -c 'set -e; (exit 3); echo never'; echo $?
sh -c 'set -e; f() { false; echo here; }; f || true; f; echo never'; echo $?
sh -c 'set -e; x=$(false); echo never'; echo $?
sh -c 'set -e; true | false; echo never'; echo $?
sh -c 'set -e; false | true; echo f'; echo $?
sh -c 'set -e; set +e; false; echo g'
sh -ec 'false; echo never'; echo $?
sh -c 'set -u; echo ${x-ok}; echo $x; echo never' 2> /dev/null; echo $?
sh -c 'set -x; echo a b; x=1; set +x; echo c' 2>&1
sh -c 'echo ${x:?message}; echo never' 2> /dev/null; echo $?
sh -c 'set -e; for i in 1 2; do echo $i; [ $i = 1 ]; done; echo never'; echo $?
sh -c 'set -e; { false; echo never; }; echo never'; echo $?
