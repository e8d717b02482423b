# Exit statuses
true; echo $?; false; echo $?
sh -c 'exit 42'; echo $?
sh -c 'nosuchcommand' 2> /dev/null; echo $?
sh -c '/dev' 2> /dev/null; echo $?
sh -c './no/such/file' 2> /dev/null; echo $?
sh -c 'kill -9 $$'; echo $?
sh -c 'kill -15 $$'; echo $?
sh -c 'false; true'; echo $?
sh -c 'true; false'; echo $?
sh -c ''; echo $?
sh -c 'exit 256'; echo $?
sh -c 'exit' ; echo $?
sh -c 'false; exit'; echo $?
sh -c '(exit 3) | exit 4'; echo $?
sh -c 'if' 2> /dev/null; echo $?
sh -c 'echo a; ) ; echo b' 2> /dev/null; echo $?
sh -c 'trap "echo bye" EXIT; echo hi'; echo $?
sh -c 'trap "echo bye" EXIT; exit 3'; echo $?
sh -c 'trap "echo bye; exit 5" EXIT; exit 3'; echo $?
sh -c 'trap "echo bye" EXIT; (echo sub); trap - EXIT'; echo $?
sh /no/such/script 2> /dev/null; echo $?
exit 7
