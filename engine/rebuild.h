// The records of streams and segments, made again from the events, where a table that held some of
// them was taken out (damaged_tables.h): only then, for it looks at every stream of every segment.
//
// What the events say, and the log's own records of events that may be lost themselves, is taken
// where it is further than what is left of the records, so that no offset is given out twice. What
// they cannot say is lost: a stream's name (it becomes "lost-" and its number), a truncation or a
// deletion, committed positions; and, if the segments' records are lost, too, whether what is
// missing before its first event was dropped: it is told as damaged. *Requires*: every table of
// events can be read, which taking out sees to. *Threads*: one, before anything is loaded.
#pragma once

#include "engine/error.h"
#include "engine/store.h"

namespace strandline {

// Written, not yet durable.
Status rebuild_records(Store& store);

}  // namespace strandline
