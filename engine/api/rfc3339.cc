// Times as RFC 3339 writes them, to the microsecond, by the days-from-civil method (Howard Hinnant,
// chrono-Compatible Low-Level Date Algorithms).
#include "engine/api/rfc3339.h"

#include <cstring>

namespace strandline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

constexpr int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<int64_t>(day_of_era) - 719'468;
}

// Writes `number` in exactly `width` digits.
char* put(char* at, uint64_t number, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return at + width;
}

struct Scanner {
  std::string_view text;
  bool failed = false;

  int64_t digits(size_t width) {
    int64_t number = 0;
    if (text.size() < width) failed = true;
    for (size_t i = 0; i < width && !failed; ++i) {
      if (text[i] < '0' || text[i] > '9') failed = true;
      number = number * 10 + (text[i] - '0');
    }
    if (!failed) text.remove_prefix(width);
    return number;
  }
  bool take(std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  }
  void expect(std::string_view any_of) { failed |= !take(any_of); }
};

unsigned days_in_month(int64_t year, int64_t month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// Whether a moment, told in a zone as one of this year and month, is the first of a month in UTC.
bool begins_month(int64_t seconds, int64_t year, int64_t month) {
  const int64_t this_month = days_from_civil(year, static_cast<unsigned>(month), 1);
  const int64_t next_month = this_month + days_in_month(year, month);
  return seconds == this_month * 86'400 || seconds == next_month * 86'400;
}

}  // namespace

std::string render_time(Timestamp time) {
  int64_t days = time.us / kDayUs;
  int64_t rest = time.us % kDayUs;
  if (rest < 0) {
    rest += kDayUs;
    --days;
  }
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;  // months since March
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  const int64_t year = static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2);

  char text[27];
  char* at = put(text, static_cast<uint64_t>(year), 4);
  *at++ = '-';
  at = put(at, month, 2);
  *at++ = '-';
  at = put(at, day_of_year - (153 * shifted + 2) / 5 + 1, 2);
  *at++ = 'T';
  at = put(at, static_cast<uint64_t>(rest / 3'600'000'000), 2);
  *at++ = ':';
  at = put(at, static_cast<uint64_t>(rest / 60'000'000 % 60), 2);
  *at++ = ':';
  at = put(at, static_cast<uint64_t>(rest / 1'000'000 % 60), 2);
  *at++ = '.';
  at = put(at, static_cast<uint64_t>(rest % 1'000'000), 6);
  *at++ = 'Z';
  return std::string(text, at);
}

Result<Timestamp> parse_time(std::string_view text) {
  Scanner in{text};
  const int64_t year = in.digits(4);
  in.expect("-");
  const int64_t month = in.digits(2);
  in.expect("-");
  const int64_t day = in.digits(2);
  in.expect("Tt");
  const int64_t hour = in.digits(2);
  in.expect(":");
  const int64_t minute = in.digits(2);
  in.expect(":");
  const int64_t second = in.digits(2);
  int64_t fraction_us = 0;
  if (in.take(".")) {
    fraction_us = in.digits(1) * 100'000;
    int64_t unit = 10'000;
    while (!in.failed && !in.text.empty() && in.text.front() >= '0' && in.text.front() <= '9') {
      fraction_us += in.digits(1) * unit;  // what is finer than a microsecond is cut off
      unit /= 10;
    }
  }
  int64_t zone_minutes = 0;
  if (!in.take("Zz")) {
    const bool west = !in.text.empty() && in.text.front() == '-';
    in.expect("+-");
    const int64_t hours = in.digits(2);
    in.expect(":");
    const int64_t minutes = in.digits(2);
    in.failed |= hours > 23 || minutes > 59;
    zone_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
  }
  // A leap second (60) is read as the second after it, and is only where there can be one.
  if (in.failed || !in.text.empty() || month < 1 || month > 12 || day < 1 ||
      day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60) {
    return fail(Code::invalid, "not an RFC 3339 time, such as 2026-01-02T03:04:05Z");
  }
  const int64_t days =
      days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  const int64_t seconds = ((days * 24 + hour) * 60 + minute - zone_minutes) * 60 + second;
  if (second == 60 && !begins_month(seconds, year, month)) {
    return fail(Code::invalid,
                "a leap second (60) is the last second of a month, in UTC (RFC 3339, section 5.7)");
  }
  // In UTC as well the year has four digits, or the time could not be written again.
  constexpr int64_t kBegin = days_from_civil(0, 1, 1), kEnd = days_from_civil(10'000, 1, 1);
  if (seconds < kBegin * 86'400 || seconds >= kEnd * 86'400) {
    return fail(Code::invalid, "the year, in UTC, is not 0000 to 9999");
  }
  return Timestamp{seconds * 1'000'000 + fraction_us};
}

}  // namespace strandline
