# if, elif, else
if true; then echo yes; fi
if false; then echo no; fi; echo $?
if false; then echo no; else echo else; fi
if false; then echo no; elif true; then echo elif; else echo no; fi
if false; then :; elif false; then :; elif true; then echo third; fi
if [ a = a ] && [ b = b ]; then echo both; fi
if ! false; then echo not; fi
if true
then
    if false
    then echo no
    else
        echo nested
    fi
fi
if (exit 1); then echo no; else echo subshell; fi
if { true; false; }; then echo no; else echo group; fi
if true; then (exit 4); fi; echo $?
if true; then echo a; echo b; fi | cat
if=word; echo if then fi $if
