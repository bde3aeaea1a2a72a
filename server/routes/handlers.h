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
void patch_stream(Call call, Answer answer);
void truncate_stream(Call call, Answer answer);
// policy_routes.cc
void list_policies(Call call, Answer answer);
void patch_policies(Call call, Answer answer);
void create_hold(Call call, Answer answer);
void list_holds(Call call, Answer answer);
void release_hold(Call call, Answer answer);
void get_retention(Call call, Answer answer);
void confirm_clock(Call call, Answer answer);
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
// erasure_routes.cc
void create_erasure(Call call, Answer answer);
void list_erasures(Call call, Answer answer);
// live_routes.cc
void go_live(Call call, Answer answer);
void go_live_by_app(Call call, Answer answer);
void go_pusher(Call call, Answer answer);
void list_channels(Call call, Answer answer);
void get_channel(Call call, Answer answer);
void list_members(Call call, Answer answer);
void list_channel_connections(Call call, Answer answer);
void list_connections(Call call, Answer answer);
void get_connection(Call call, Answer answer);
void tell_user(Call call, Answer answer);
void tell_connection(Call call, Answer answer);
void end_user(Call call, Answer answer);
void end_connection(Call call, Answer answer);
// pusher_routes.cc
void pusher_trigger(Call call, Answer answer);
void pusher_batch(Call call, Answer answer);
void pusher_channels(Call call, Answer answer);
void pusher_channel(Call call, Answer answer);
void pusher_users(Call call, Answer answer);
void pusher_terminate(Call call, Answer answer);
// backup_routes.cc
void create_backup(Call call, Answer answer);
void list_backups(Call call, Answer answer);
void verify_backup(Call call, Answer answer);
void delete_backup(Call call, Answer answer);
// proof_routes.cc
void get_checkpoint(Call call, Answer answer);
void sign_checkpoint(Call call, Answer answer);
void get_tile(Call call, Answer answer);
void get_proof(Call call, Answer answer);
void get_consistency(Call call, Answer answer);
void get_salts(Call call, Answer answer);
void list_checkpoint_keys(Call call, Answer answer);
void get_checkpoint_keys(Call call, Answer answer);
void rotate_checkpoint_key(Call call, Answer answer);
// status_routes.cc
void get_healthz(Call call, Answer answer);
void get_readyz(Call call, Answer answer);
void get_metrics(Call call, Answer answer);
void get_info(Call call, Answer answer);
// generator_routes.cc
void put_generator(Call call, Answer answer);
void get_generator(Call call, Answer answer);
void list_generators(Call call, Answer answer);
void delete_generator(Call call, Answer answer);
void turn_generator(Call call, Answer answer);
// service_routes.cc
void follow_service_stream(Call call, Answer answer);
BodyChecked service_broadcast(Call call, Answer answer);
void list_service_streams(Call call, Answer answer);
void turn_service_stream(Call call, Answer answer);
// demo_routes.cc
void get_demo_page(Call call, Answer answer);
// inspection_routes.cc
void get_stats(Call call, Answer answer);
void get_inspection(Call call, Answer answer);
void get_doctor(Call call, Answer answer);

}  // namespace strandline::server
