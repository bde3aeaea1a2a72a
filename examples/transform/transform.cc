// Orders in, invoices out, each exactly once, whatever kills this program and whenever.
//
//   transform DIRECTORY orders N     appends the orders 0 to N-1 that are not there yet
//   transform DIRECTORY invoices     writes an invoice for every order, and ends when all have one
//
// The two promises it stands on: an append that names its producer and its place in the producer's
// sequence may be sent again, and is there once; and an invoice, and the position that says its
// order is done, are one append: both are there, or neither. It embeds the engine; over HTTP the
// same two calls are headers of POST /v1/streams/{s}/events and the `commit` of POST /v1/append.
#include <rapidjson/document.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "engine/log.h"

namespace {

using namespace strandline;

[[noreturn]] void give_up(const Error& error) {
  std::cerr << "transform: " << error.message << '\n';
  std::exit(1);
}

// --- What an order and its invoice look like.

std::string order(uint64_t number) {
  return "{\"order\":" + std::to_string(number) +
         ",\"items\":[{\"cents\":" + std::to_string(100 + number % 900) +
         ",\"count\":" + std::to_string(1 + number % 7) + "},{\"cents\":250,\"count\":2}]}";
}

std::string invoice(std::string_view order) {
  rapidjson::Document json;
  json.Parse(order.data(), order.size());
  uint64_t cents = 0;
  for (const auto& item : json["items"].GetArray()) {
    cents += item["cents"].GetUint64() * item["count"].GetUint64();
  }
  return "{\"order\":" + std::to_string(json["order"].GetUint64()) +
         ",\"total_cents\":" + std::to_string(cents) + "}";
}

// --- The shop. After a crash it does not know which orders arrived: it sends them all again, and
// those that did are answered with the offsets that they got then.

void append_orders(Log& log, uint64_t count) {
  for (uint64_t number = 0; number < count; ++number) {
    const std::string data = order(number);
    auto batch = Batch::of({{.type = "order.placed", .form = DataForm::json, .data = data}});
    if (!batch) give_up(batch.error());
    const auto appended =
        log.append(Append{.stream = "orders",
                          .batch = std::move(*batch),
                          .producer = Producer{.id = "shop", .epoch = 0, .sequence = number}});
    if (!appended) give_up(appended.error());
  }
}

// --- The transformation.

void write_invoices(Log& log) {
  const auto made = log.create_consumer("invoicing", {.select = Selection::stream("orders")});
  if (!made && made.error().code != Code::exists) give_up(made.error());
  // Whoever had it before is fenced from here on: its commits are refused, and its invoices with
  // them.
  const auto joined = log.join("invoicing");
  if (!joined) give_up(joined.error());
  uint64_t next = joined->position;
  while (next < log.describe("orders")->tail.value) {
    const auto fetched =
        log.fetch(Fetch{.consumer = "invoicing", .epoch = joined->epoch, .events_max = 10});
    if (!fetched) give_up(fetched.error());
    if (fetched->given.empty()) continue;
    AppendMany outputs;
    BatchBuilder invoices;
    for (const Events& run : fetched->runs) {
      for (const Event& event : run) {
        const std::string data = invoice(event.data());
        const Status added =
            invoices.add({.type = "invoice.issued", .form = DataForm::json, .data = data});
        if (!added) give_up(added.error());
      }
    }
    outputs.parts.push_back({.stream = "invoices", .batch = invoices.finish().value()});
    const uint64_t done = fetched->given.back().position + 1;
    outputs.commits.push_back({.consumer = "invoicing",
                               .stream = "orders",
                               .expected = next,
                               .next = done,
                               .epoch = joined->epoch});
    const auto appended = log.append(std::move(outputs));
    if (!appended) give_up(appended.error());
    next = done;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[2] : "";
  if (!(what == "orders" && argc == 4) && !(what == "invoices" && argc == 3)) {
    std::cerr << "usage: transform DIRECTORY orders N | transform DIRECTORY invoices\n";
    return 2;
  }
  auto log = Log::open(argv[1]);
  if (!log) give_up(log.error());
  if (what == "orders") {
    append_orders(**log, std::strtoull(argv[3], nullptr, 10));
  } else {
    write_invoices(**log);
  }
  std::cout << "done" << std::endl;
}
