/* stale-snapshot with three committers of four commits and six marks, for SPIN,
   to compare speeds and counts (2,029,587 states). `fallen` is only written, so
   -o2 keeps it:

     spin -o2 -a stale_snapshot.pml && gcc -O2 -DNOREDUCE -DSAFETY -o pan pan.c && ./pan -m100000 -w24
*/
byte marked, committed;
bool fallen;

active proctype marker() {
mark:	atomic { marked++; if :: marked < 6 -> goto mark :: else -> goto end fi }
end:	0
}

active [3] proctype committer() {
	byte i, snapshot;
take:	snapshot = marked;
	atomic {
		if :: snapshot < committed -> fallen = true :: else fi;
		committed = snapshot;
		i++;
		if :: i < 4 -> goto take :: else -> goto end fi
	}
end:	0
}
