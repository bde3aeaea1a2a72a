// Log's erasures.
#include <fmt/format.h>

#include "engine/api/event_rules.h"
#include "engine/log.h"
#include "engine/log_parts.h"

namespace strandline {
namespace {

Status check_request(const EraseRequest& request, const Limits& limits) {
  if (request.select.kind == Selection::Kind::all) {
    return fail(Code::invalid, "an erasure names a stream, several, or a prefix");
  }
  if (request.select.names.empty()) return fail(Code::invalid, "an erasure of no stream");
  if (request.select.names.size() > limits.selection_names_max) {
    return fail(Code::invalid,
                fmt::format("{} names: an erasure takes at most {}", request.select.names.size(),
                            limits.selection_names_max));
  }
  if (request.select.kind == Selection::Kind::prefix && request.select.names.front().empty()) {
    return fail(Code::invalid, "an empty prefix: an erasure from all streams is not one request");
  }
  for (const OffsetRange& range : request.offsets) {
    if (range.first >= range.next) {
      return fail(Code::invalid,
                  fmt::format("offsets [{}, {}) are none", range.first.value, range.next.value));
    }
  }
  if (!request.offsets.empty() &&
      (request.select.kind != Selection::Kind::stream || request.select.names.size() != 1)) {
    return fail(Code::invalid, "offsets are of one stream");
  }
  for (const TextFilter* filter : {&request.filter.types, &request.filter.subjects}) {
    if (filter->patterns().size() > limits.patterns_max) {
      return fail(Code::invalid, fmt::format("{} patterns: a filter takes at most {}",
                                             filter->patterns().size(), limits.patterns_max));
    }
    for (const TextFilter::Pattern& pattern : filter->patterns()) {
      if (pattern.text.empty() && !pattern.prefix) {
        return fail(Code::invalid, "a type or subject to erase by is not empty");
      }
    }
  }
  if (request.stored_from && request.stored_before &&
      *request.stored_from >= *request.stored_before) {
    return fail(Code::invalid, "a time range that ends before it begins");
  }
  if (request.reason.size() > kErasureReasonBytes || !is_plain_text(request.reason)) {
    return fail(Code::invalid,
                fmt::format("a reason is at most {} bytes of UTF-8 without control characters",
                            kErasureReasonBytes));
  }
  return {};
}

}  // namespace

Result<Erased> Log::erase(EraseRequest request, Actor by, std::chrono::milliseconds patience) {
  if (auto ok = check_request(request, parts_->state->options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (request.dry_run) return Eraser::count(*parts_->state, request);
  if (!parts_->eraser) {
    return fail(Code::read_only, "opened as an observer: it only reads");
  }
  return parts_->eraser->erase(request, by, patience);
}

std::vector<ErasureUnderWay> Log::erasures() const { return parts_->state->erasures.under_way(); }

}  // namespace strandline
