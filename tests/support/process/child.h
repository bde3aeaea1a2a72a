// Programs that run in a process of their own: to be killed, to find a lock taken, to be many.
// They are this same binary, run again: a fork of a program with threads could not use them.
#pragma once

#include <string>
#include <vector>

namespace strandline::tests {

// What the child does; its exit code. Lines it prints:
//   open DIR              "opened", or the code of the error and its message
//   append DIR STREAM     "acknowledged STREAM FIRST NEXT" for each append, until it is killed
//   accepted DIR STREAM   the same, asking for `accepted` only
//   counting DIR STREAM   the same, four at once to streams STREAM0 to STREAM3; each moves the
//                         position of "counter" in its stream to the tail that it makes
//   group DIR ...         members of a group, which tell what they are given: members.h
//   swarm ...             thousands of clients of a server: swarm.h
int child(std::vector<std::string> arguments);

// The command line that runs it.
std::vector<std::string> child_command(std::vector<std::string> arguments);

}  // namespace strandline::tests
