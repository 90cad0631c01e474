# Puts its first input between the lines "<!-- PART: ..." and "<!-- end of PART"
# of its second, in place of what is there. "make docs" fills README.md with it.
NR == FNR { text = text $0 "\n"; next }
index($0, "<!-- end of " part) == 1 { filling = 0 }
!filling { print }
index($0, "<!-- " part ":") == 1 { printf "%s", text; filling = 1 }
