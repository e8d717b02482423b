# case and its patterns
m() {
    case $1 in
    a) echo 'just a' ;;
    b | c) echo 'b or c' ;;
    [0-9]) echo digit ;;
    [!a-z]*) echo 'begins with no letter' ;;
    ??) echo two ;;
    *.c) echo 'a C file' ;;
    *'*'*) echo 'has a star' ;;
    "q r") echo quoted ;;
    x*y*z) echo 'x y z' ;;
    *) echo other ;;
    esac
}
for w in a b c 7 A1 ab main.c 'st*r' 'q r' xaybz xyzz1 '' '[' ; do m "$w"; done
case x in y) ;; esac; echo $?
case x in x) ;; esac; echo $?
case x in (x) echo parenthesis ;; esac
case "$(echo sub)" in s*) echo yes;; esac
p='a*'; case abc in $p) echo pattern;; esac; case abc in "$p") echo no;; *) echo quoted;; esac
case a in a) echo first;; a) echo second;; esac
case '*' in \*) echo star;; esac
case a-b in [a]-[b]) echo sets;; esac
case ] in []]) echo bracket;; esac
case 5 in [[:digit:]]) echo class;; esac
case x in
    x) (exit 6)
esac; echo $?
case if in if) echo reserved;; esac
