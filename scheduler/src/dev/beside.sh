# Becomes a command of the user's, after leaving a watchdog beside it that ends it when our process ends, even by kill -9.
#
#   sh -c "$(cat beside.sh)" piton PROGRAM ARGUMENT...
#
# Standard input is a pipe whose other end only our process has; it closes with the process. All of it is a process group
# of its own, which the watchdog asks to stop; it cannot be given to anyone else while the watchdog is in it.
exec 3<&0 </dev/null
(
    (
        trap '' HUP INT QUIT TERM
        exec >/dev/null 2>&1
        cd /
        read -r word <&3
        kill -s TERM -- -$$
    ) &
)
exec 3<&-
exec "$@"
