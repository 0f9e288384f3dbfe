"""Jobs on a Ray cluster, or on a Ray that is started here for them. The only folder that imports Ray.

A job is one Ray task on one processor. What it reports, and whether it should stop, goes through an actor
beside this process, the board. (A file in the sweep's folder would reach the jobs, too, but a shared file
system may show it to another machine many seconds late.) Ray repeats no job by itself: who calls decides. All
nodes must see the sweep's folder, because that is where the results are.

``starting`` gets hold of Ray and ``nodes`` looks whether its nodes will do; ``executor`` hands out the jobs
and watches them, ``worker`` does them on the nodes, and the two talk through ``messages``.
"""
