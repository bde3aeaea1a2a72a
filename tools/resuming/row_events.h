// Events out of what other programs write: CSV with a header (RFC 4180), and the systemd journal in
// JSON (journalctl -o json).
//
// *CSV*: a header that has the column `type` names an event's members, as `strandline export --form
// csv` writes them; any other column is an extension attribute. Without that column a row is data:
// a JSON object of its fields, all strings. *Journal*: the data is the entry as it is; its cursor
// is the id, its unit or program the subject, its time the time. *Errors*: `invalid`, in a
// sentence. *Threads*: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "server/wire/cloudevents.h"

namespace strandline::tools {

class CsvRows {
 public:
  explicit CsvRows(std::string type) : type_(std::move(type)) {}

  Status header(std::string_view line);
  bool has_header() const { return !columns_.empty(); }
  // A line of a record; where a quote is open, the next one belongs to it.
  Status add(std::string_view line, const server::EventSink& sink);
  bool is_open() const { return !record_.empty(); }
  // It is dropped: what follows is another record.
  void drop() { record_.clear(); }

 private:
  Status add_event(const std::vector<std::string>& fields, const server::EventSink& sink) const;

  const std::string type_;
  std::vector<std::string> columns_;
  bool names_events_ = false;
  std::string record_;
};

// One entry.
Status add_journal_entry(std::string_view line, const std::string& type,
                         const server::EventSink& sink);

}  // namespace strandline::tools
