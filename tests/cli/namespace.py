"""Where mounts can be made without the host's knowing."""

import subprocess


def has_users():
    """May one have a user namespace?  Not in a chroot: user_namespaces(7)."""
    return subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode == 0


def mounting(command):
    """The prefix of a command line: command, which mounts over what is in /proc, comes first.
    Without a user namespace that takes root."""
    if has_users():
        return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                f'{command} && exec "$@"', "sh"]
    return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c",
            f'mount --make-private /proc && {command} && exec "$@"', "sh"]


def nameless():
    """The prefix of a command line that is to run as a user whom no file knows."""
    if has_users():
        return ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    return ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
