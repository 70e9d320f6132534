-- The triggers of an org have a rule for inputs that a later version wrote. $1 org. The constraint of this version is dropped before.
update triggers set input_rule = 'by_magic' where org = $1
