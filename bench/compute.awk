# The table of compute.sh from its runs: native.N, unring.N.a, qemu.N.b, ...
# A guest's line has the host's seconds in front; "begin NAME" and "end NAME"
# tell when the guest's own clock was started and stopped.
function median(s,   a, n, i, j, t) {
	n = split(s, a, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j] + 0 < a[j-1] + 0; j--) {
			t = a[j]; a[j] = a[j-1]; a[j-1] = t
		}
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}

function fail(why) {
	print "FAILED: " why
	failed = 1
}

function differ(a, b, slack) {
	return a > b ? a - b > 0.02 * b + slack : b - a > 0.02 * b + slack
}

FNR == 1 {
	who = FILENAME
	sub(/.*\//, "", who)
	sub(/\..*/, "", who)
}

who != "native" {
	stamp = $1
	sub(/^ *[0-9.]+ /, "")
}

$1 == "begin" { begun[$2] = stamp; next }
$1 == "end" { ended[$2] = stamp; next }

$3 ~ /^check=/ {
	v[who, $1] = v[who, $1] " " $2
	if (!($1 in check))
		check[$1] = $3
	else if (check[$1] != $3)
		fail($1 " computed " $3 " under " who ", but " check[$1] " elsewhere")
	if (who != "native") {
		# A line takes some milliseconds to reach the host; over all
		# programs that must not matter.
		host = ended[$1] - begun[$1]
		if (differ($2, host, 0.02))
			fail(sprintf("%s under %s: %.4f s by the guest, %.4f s by the host", $1, who, $2, host))
		guest_sum[who] += $2
		host_sum[who] += host
	}
}

function row(name,   n, u, q) {
	for (w = 1; w <= 3; w++)
		if (split(v[vmm[w], name], times, " ") != rounds) {
			fail(name " is missing under " vmm[w])
			return 0
		}
	n = median(v["native", name])
	u = median(v["unring", name])
	q = median(v["qemu", name])
	if (n < 0.0001) n = 0.0001
	if (u < 0.0001) u = 0.0001
	printf "%-12s %10.4f %10.4f %10.4f %9.2f %9.2f %9.2f\n", name, n, u, q, u / n, q / n, q / u
	logs["unring"] += log(u / n)
	logs["qemu"] += log(q / n)
	rows++
	return 1
}

END {
	split("native unring qemu", vmm, " ")
	printf "%-12s %10s %10s %10s %9s %9s %9s\n", "seconds", "native", "unring", "qemu", "un/nat", "qemu/nat", "qemu/un"
	n = split(goal, name, " ")
	for (k = 1; k <= n; k++)
		row(name[k])
	if (rows)
		printf "%-12s %10s %10s %10s %9.2f %9.2f\n", "geomean", "", "", "", exp(logs["unring"] / rows), exp(logs["qemu"] / rows)
	print "asked for: unring within 1.25 of native over the rows above; beside it:"
	n = split(beside, name, " ")
	for (k = 1; k <= n; k++)
		row(name[k])
	for (w = 2; w <= 3; w++) {
		who = vmm[w]
		if (!(who in host_sum))
			continue
		printf "%s: %.3f s in all by the guest, %.3f s by the host\n", who, guest_sum[who], host_sum[who]
		if (differ(guest_sum[who], host_sum[who], 0))
			fail(who ": the guest clock is off by more than 2%")
	}
	exit failed
}
