// Clients by the thousand in one thread of a process of their own (child.h): followers of one
// stream, some of which stop reading; clients that send a head a byte at a time; and churn, which
// connects, sends half a request, and vanishes.
//
//   swarm HOST PORT STREAM FOLLOWERS FROZEN SLOW
//
// prints a line whenever something has come about, and takes signals:
//   "following"  all followers have been answered; FROZEN of them read no more
//   SIGUSR1      lets the slow heads and the churn begin; "storm" once every slow client has been
//                answered and twice as many others have vanished
//   "healthy N p99_us max_us"  every follower that reads has seen the stream's event of type "end",
//                and how long after they were stored events came
//   SIGUSR2      the frozen ones read again
//   "done answered N late N vanished N"  all of them have seen it; ends with 0
// What a follower must not see ends it with 1 and a line that says what.
#pragma once

#include <string>
#include <vector>

namespace strandline::tests {

int swarm(const std::vector<std::string>& arguments);

}  // namespace strandline::tests
