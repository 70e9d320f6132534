# Becomes the server, after leaving a watchdog beside it that ends the server when our process ends, even by kill -9.
#
#   sh -c "$(cat supervise.sh)" piton SIGNAL TENTHS SCRATCH PROGRAM ARGUMENT...
#
# Standard input is a pipe whose other end only our process has; it closes with the process. The word "keep" through it
# sends the watchdog away. Standard output is the folder's lock, which the server and its children inherit as file 4.
# The server is started only when the watchdog is there, and takes over this shell's process id. The watchdog stays in
# the server's process group, and so the id cannot be given to anyone else before the watchdog has used it.
signal=$1 tenths=$2 scratch=$3
shift 3
exec 3<&0 4>&1 </dev/null >&2
(
    (
        trap '' HUP INT QUIT TERM
        exec >/dev/null 2>&1
        cd /
        alive() { kill -0 $$ && ! grep -q '^State:.*zombie' /proc/$$/status; }
        word=
        read -r word <&3
        [ "$word" = keep ] && exit 0
        kill -s "$signal" $$
        while [ "$tenths" -gt 0 ] && alive; do
            sleep 0.1
            tenths=$((tenths - 1))
        done
        kill -s KILL $$
        [ -z "$scratch" ] || rm -rf -- "$scratch"
    ) &
)
exec 3<&-
exec "$@"
