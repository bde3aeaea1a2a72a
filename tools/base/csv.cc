#include "tools/base/csv.h"

#include <algorithm>

namespace strandline::tools {

void append_csv_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == field.npos) {
    out += field;
    return;
  }
  out += '"';
  for (size_t quote; (quote = field.find('"')) != field.npos;) {
    out.append(field.substr(0, quote + 1)).push_back('"');
    field.remove_prefix(quote + 1);
  }
  out.append(field).push_back('"');
}

// A quoted field has an even number of quotes, doubled ones included.
bool csv_goes_on(std::string_view record) { return std::ranges::count(record, '"') % 2 == 1; }

std::expected<std::vector<std::string>, std::string> parse_csv(std::string_view record) {
  std::vector<std::string> fields;
  while (true) {
    std::string field;
    if (record.starts_with('"')) {
      record.remove_prefix(1);
      while (true) {
        const size_t quote = record.find('"');
        if (quote == record.npos) return std::unexpected("a quote is not closed");
        field += record.substr(0, quote);
        record.remove_prefix(quote + 1);
        if (!record.starts_with('"')) break;
        field += '"';
        record.remove_prefix(1);
      }
      if (!record.empty() && record[0] != ',') {
        return std::unexpected("there is text behind a closing quote");
      }
    } else {
      field = record.substr(0, record.find(','));
      record.remove_prefix(field.size());
      if (field.find('"') != field.npos) {
        return std::unexpected("a quote stands in a field that is not quoted");
      }
    }
    fields.push_back(std::move(field));
    if (record.empty()) return fields;
    record.remove_prefix(1);
  }
}

}  // namespace strandline::tools
