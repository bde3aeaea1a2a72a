// The forms in which an export writes events: what a file begins with, each event, and a gap.
//
// Between two calls of settle() a form may hold something open; after settle() the text so far is
// whole, so that a file which ends there can be read and gone on with. *Threads*: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/delivery.h"
#include "engine/api/error.h"

namespace strandline::tools {

// What is asked for: one of
//   bare         NDJSON as import takes it: what was appended, with the id and time that readers
//   see full         NDJSON with offset, sequence and stored time, and all that CloudEvents asks
//   for exact        NDJSON with offset, sequence and stored time, and nothing that was not
//   appended lines        the data alone cloudevents  a JSON array a line
//   (application/cloudevents-batch+json), each event as `full` csv          RFC 4180, with the
//   columns that were asked for frames       the log's own batches (schemas/frame.h)
struct ExportShape {
  std::string name = "bare";
  std::vector<std::string> columns = {};  // of csv
};

class ExportForm {
 public:
  // `invalid`, with what there is, for another name, or a column that no event has.
  static Result<std::unique_ptr<ExportForm>> of(const ExportShape& shape);
  virtual ~ExportForm() = default;

  virtual const char* suffix() const = 0;  // of files: ".ndjson"
  // At the beginning of a file.
  virtual void open(std::string&) {}
  virtual void events(std::string& out, const Events& events) = 0;
  virtual void gap(std::string& out, const Gap& gap) = 0;
  virtual void settle(std::string&) {}
};

// Those that csv has unless others are named.
std::vector<std::string> default_columns();

}  // namespace strandline::tools
