# Here-documents.
x=value
cat <<END
plain $x ${x} $(echo command) $((1 + 1)) "quotes" 'too' \$x \\ back\slash
END
cat <<'END'
literal $x $(echo no) \$x
END
cat <<-END
	tabs go
		all of them
	END
cat <<A; cat <<B
first
A
second
B
cat <<E | tr a-z A-Z
piped
E
while read a b; do echo "$b $a"; done <<E
1 one
2 two
E
f() { cat <<E
in a function: $1
E
}
f x; f y
cat <<E
joined \
line
E
cat <<E

E
echo "$(cat <<E
in a substitution
E
)"
x=$(seq 1 5000); cat <<E | tail -n 1
$x
E
if cat <<E; then echo yes; fi
condition
E
