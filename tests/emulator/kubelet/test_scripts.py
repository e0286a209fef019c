"""The programs that shell scripts call, as manifests of real projects write them."""

import pytest

from netpol_harness.emulator.kubelet.scripts import programs


@pytest.mark.parametrize(
    ("script", "called"),
    [
        ("until nc -z -w 2 mysql 3306; do sleep 1; done", "nc sleep"),
        ("exit 3", ""),
        ("set -e\nmkdir -p /data\nexec /usr/bin/mysqld --user=mysql", "mkdir mysqld"),
        ("mysqldump -h mysql blog | gzip > /backup/blog.sql.gz", "gzip mysqldump"),
        ("A=1 B=2 kafka-topics.sh --create --topic orders && echo made", "kafka-topics.sh"),
        ("for host in a b; do curl -s http://$host; done", "curl"),
        ("if ! wget -qO- web; then echo closed; fi", "wget"),
        ("echo $(date) once; sleep 5 & wait", "date sleep"),
        ('echo "a; rm -rf /" # ; reboot', ""),
        ("cat < /etc/hosts >/tmp/x 2>&1; ls", "cat ls"),
        ('while [ "$x" != y ]; do $COMMAND; done', "$COMMAND"),
        ("(cd /tmp; tar x) || true", "tar"),
        ("exec 3<>/dev/tcp/db/80", ""),
        ("", ""),
    ],
)
def test_the_programs_of_a_script(script: str, called: str) -> None:
    assert " ".join(sorted(programs(script))) == called


def test_a_script_that_cannot_be_read_calls_something_unknown() -> None:
    assert programs("echo 'open") == {""}
