// The handlers, one function a route. route_table.cc says which route is whose.
#pragma once

#include "server/connection/call.h"

namespace strandline::server {

// append_routes.cc
void append_events(Call call, Answer answer);
// append_many.cc
BodyChecked append_many(Call call, Answer answer);
BodyChecked broadcast(Call call, Answer answer);
// read_routes.cc
void read_events(Call call, Answer answer);
void read_all(Call call, Answer answer);
// stream_routes.cc
void put_stream(Call call, Answer answer);
void get_stream(Call call, Answer answer);
void delete_stream(Call call, Answer answer);
void list_streams(Call call, Answer answer);
void truncate_stream(Call call, Answer answer);
// position_routes.cc
void get_position(Call call, Answer answer);
void put_position(Call call, Answer answer);
// consumer_routes.cc
BodyChecked put_consumer(Call call, Answer answer);
void get_consumer(Call call, Answer answer);
void patch_consumer(Call call, Answer answer);
void delete_consumer(Call call, Answer answer);
void list_consumers(Call call, Answer answer);
void join_consumer(Call call, Answer answer);
void leave_consumer(Call call, Answer answer);
void reset_consumer(Call call, Answer answer);
void skip_consumer(Call call, Answer answer);
void replay_consumer(Call call, Answer answer);
void list_dead_letters(Call call, Answer answer);
// consumer_fetch.cc
void fetch_consumer(Call call, Answer answer);
// consumer_events.cc
void read_consumer(Call call, Answer answer);
// settle_routes.cc
void ack_consumer(Call call, Answer answer);
void nack_consumer(Call call, Answer answer);
void extend_consumer(Call call, Answer answer);
void settle_consumer(Call call, Answer answer);
void commit_consumer(Call call, Answer answer);
// once_routes.cc
void get_once(Call call, Answer answer);
void put_once(Call call, Answer answer);
// key_routes.cc
void create_api_key(Call call, Answer answer);
void list_api_keys(Call call, Answer answer);
void get_api_key(Call call, Answer answer);
void rotate_api_key(Call call, Answer answer);
void revoke_api_key(Call call, Answer answer);
void create_ticket(Call call, Answer answer);
// status_routes.cc
void get_healthz(Call call, Answer answer);
void get_readyz(Call call, Answer answer);
void get_metrics(Call call, Answer answer);
void get_info(Call call, Answer answer);

}  // namespace strandline::server
