/// @file
/// How a text becomes an `xml_document`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/config/detail/xml_cursor.hpp>
#include <keywarden/config/near_match.hpp>
#include <keywarden/config/xml_document.hpp>

namespace keywarden::config::detail {

/// One pass over a text. What it refuses becomes a finding, and it goes on behind it.
class xml_parser : private xml_cursor {
 public:
  constexpr xml_parser(std::string_view text, finding_list& findings, xml_roots roots)
      : xml_cursor(text, findings), roots_(roots) {}

  [[nodiscard]] constexpr xml_document parse() {
    if (text_.size() > xml_limits::text_size) {
      stop("the text is larger than 1 MiB");
      return std::move(made_);
    }
    if (text_.starts_with("\xEF\xBB\xBF")) skip_mark();
    if (text_.substr(at_).starts_with("<?xml") && at_ + 5 < text_.size() &&
        is_xml_space(text_[at_ + 5]))
      declaration();
    while (!stopped_ && at_ < text_.size()) {
      if (text_[at_] == '<')
        markup();
      else
        between_tags();
    }
    if (!stopped_) finish();
    return std::move(made_);
  }

 private:
  constexpr void between_tags() {
    const auto end = std::min(text_.find('<', at_), text_.size());
    for (auto i = at_; i < end; ++i)
      if (!is_xml_space(text_[i])) {
        fail(rule::stray_text, place(i), "text between the elements").next_step =
            "values stand in attributes; for a remark write <!-- … -->";
        break;
      }
    at_ = end;
  }

  constexpr void markup() {
    const auto where = place(at_);
    if (looking_at("<!--")) {
      comment(where);
    } else if (looking_at("</")) {
      end_tag(where);
    } else if (looking_at("<![CDATA[")) {
      fail(rule::forbidden_markup, where, "a CDATA section is not accepted");
      go_behind("]]>", at_);
    } else if (looking_at("<!DOCTYPE")) {
      fail(rule::forbidden_markup, where,
           "a document type (DOCTYPE) is not accepted: it could define or fetch anything");
      go_behind(">", at_);
    } else if (looking_at("<!")) {
      fail(rule::forbidden_markup, where, "a declaration (<!…>) is not accepted");
      go_behind(">", at_);
    } else if (looking_at("<?")) {
      fail(rule::forbidden_markup, where,
           looking_at("<?xml") ? "<?xml …?> stands only at the very beginning, written once"
                               : "a processing instruction (<?…?>) is not accepted");
      go_behind("?>", at_);
    } else if (at_ + 1 < text_.size() && begins_name(text_[at_ + 1])) {
      start_tag(where);
    } else {
      fail(rule::malformed_markup, where, "< without the name of an element");
      ++at_;
    }
  }

  constexpr void comment(position where) {
    const auto end = text_.find("--", at_ + 4);
    if (end == npos) {
      fail(rule::malformed_markup, where, "a comment that never ends");
      at_ = text_.size();
    } else if (end + 2 < text_.size() && text_[end + 2] == '>') {
      at_ = end + 3;
    } else {
      fail(rule::malformed_markup, where, "-- within a comment");
      go_behind("-->", at_ + 4);
    }
  }

  /// The name and value at `at_`; false when there is none (and a finding why).
  [[nodiscard]] constexpr bool attribute(xml_attribute& made) {
    made.where = place(at_);
    const auto begin = at_;
    made.name = name();
    if (made.name == "xmlns" && now() == ':') {
      ++at_;
      (void)name();
      made.name = text_.substr(begin, at_ - begin);
    }
    if (made.name.empty()) {
      fail(rule::malformed_markup, made.where, "the name of an attribute is expected here")
          .next_step = "names are of A-Z a-z 0-9 _ . -";
      return false;
    }
    skip_space();
    if (now() != '=') {
      fail(rule::malformed_markup, made.where, joined("the attribute ", made.name, " has no value"))
          .next_step = R"(write name="value")";
      return false;
    }
    ++at_;
    skip_space();
    const char quote = now();
    if (quote != '"' && quote != '\'') {
      fail(rule::malformed_markup, place(at_),
           joined("the value of ", made.name, " is not in quotation marks"));
      return false;
    }
    ++at_;
    const auto end = text_.find(quote, at_);
    if (end == npos) {
      fail(rule::malformed_markup, made.where,
           joined("the value of ", made.name, " has no closing quotation mark"));
      at_ = text_.size();
      return false;
    }
    made.raw = text_.substr(at_, end - at_);
    made.value_where = place(at_);
    if (made.raw.size() > xml_limits::value_size) {
      stop("a value is larger than 64 KiB");
      return false;
    }
    judge_value(made);
    at_ = end + 1;
    if (made.name.starts_with("xmlns")) judge_namespace(made);
    return true;
  }

  constexpr void judge_value(xml_attribute& of) {
    for (std::size_t i = 0; i < of.raw.size(); ++i) {
      const char each = of.raw[i];
      if (each > '<' || each == ' ') continue;
      if (each == '<') {
        fail(rule::malformed_markup, place(at_ + i), joined("< within the value of ", of.name))
            .next_step = "write &lt;, or close the quotation marks";
        return;
      }
      if (each == '&') {
        of.plain = false;
        const auto found = read_reference(of.raw.substr(i));
        if (found.size == 0) {
          fail(rule::malformed_markup, place(at_ + i),
               joined("& within the value of ", of.name, " begins no reference that is known"))
              .next_step = "write &amp; for a plain &";
          return;
        }
      }
      if (is_xml_space(each)) of.plain = false;
    }
  }

  /// Prefixes name nothing in these files; the two that old tools declare are harmless.
  constexpr void judge_namespace(const xml_attribute& of) {
    constexpr std::string_view w3 = "http://www.w3.org/";
    if (of.name == "xmlns" && of.plain && !of.raw.starts_with(w3)) return;
    if (of.name == "xmlns:xsi" && of.raw == "http://www.w3.org/2001/XMLSchema-instance") return;
    if (of.name == "xmlns:xsd" && of.raw == "http://www.w3.org/2001/XMLSchema") return;
    fail(rule::wrong_namespace, of.where, "this name space is not accepted");
  }

  constexpr void declaration() {
    const auto where = place(at_);
    at_ += 5;
    constexpr std::string_view order[] = {"version", "encoding", "standalone"};
    std::size_t next = 0;
    bool correct = true;
    while (correct) {
      const auto before = at_;
      skip_space();
      if (looking_at("?>")) break;
      xml_attribute one;
      if (before == at_ || !attribute(one)) {
        correct = false;
        break;
      }
      while (next < 3 && order[next] != one.name && next != 0) ++next;
      correct = next < 3 && order[next] == one.name && one.plain &&
                (next == 0   ? one.raw == "1.0"
                 : next == 1 ? edit_distance(one.raw, "utf-8", 0) == 0
                             : one.raw == "yes" || one.raw == "no");
      ++next;
    }
    if (!correct || next == 0)
      fail(rule::malformed_markup, where, "the first line is not understood").next_step =
          R"(write <?xml version="1.0" encoding="utf-8"?>)";
    go_behind("?>", at_);
  }

  constexpr void start_tag(position where) {
    ++at_;
    xml_element made;
    made.where = where;
    made.name = name();
    made.depth = static_cast<std::uint32_t>(open_.size());
    made.first_attribute = static_cast<std::uint32_t>(made_.attributes.size());
    if (made_.elements.size() >= xml_limits::elements) return stop("more than 20,000 elements");
    if (open_.size() >= xml_limits::depth) return stop("elements within more than 16 others");
    if (open_.empty() && !made_.elements.empty() && roots_ == xml_roots::one)
      fail(rule::one_root, where,
           joined("<", made.name, "> stands behind the end of the document"));
    const bool whole = attributes(made);
    if (stopped_) return;
    if (!whole) {
      give_up_tag();
      made.self_closing = text_.substr(0, at_).ends_with("/>");
    }
    made.tag_end = made.content_end = made.end = static_cast<std::uint32_t>(at_);
    const auto index = static_cast<std::uint32_t>(made_.elements.size());
    made.after = index + 1;
    made.closed = made.self_closing;
    made_.elements.push_back(made);
    if (!made.self_closing) open_.push_back(index);
  }

  /// Everything behind the element's name; false when the tag is broken.
  [[nodiscard]] constexpr bool attributes(xml_element& of) {
    for (;;) {
      const auto before = at_;
      skip_space();
      if (now() == '>') {
        ++at_;
        return true;
      }
      if (looking_at("/>")) {
        at_ += 2;
        of.self_closing = true;
        return true;
      }
      if (at_ == text_.size()) {
        fail(rule::malformed_markup, of.where, joined("the tag <", of.name, " has no >"));
        return false;
      }
      if (before == at_) {
        fail(rule::malformed_markup, place(at_),
             joined("a space or > is expected in the tag <", of.name))
            .next_step = "names are of A-Z a-z 0-9 _ . -";
        return false;
      }
      xml_attribute one;
      if (!attribute(one)) return false;
      if (of.attributes >= xml_limits::attributes_per_element) {
        stop("more than 32 attributes");
        return false;
      }
      if (made_.find_attribute(of, one.name) != nullptr)
        fail(rule::duplicate_attribute, one.where,
             joined("the attribute ", one.name, " is there twice"));
      made_.attributes.push_back(one);
      ++of.attributes;
    }
  }

  constexpr void end_tag(position where) {
    const auto begin = at_;
    at_ += 2;
    const auto wanted = name();
    skip_space();
    if (wanted.empty() || now() != '>') {
      fail(rule::malformed_markup, where, "an end tag is written </Name>");
      return give_up_tag();
    }
    ++at_;
    auto level = open_.size();
    while (level > 0 && made_.elements[open_[level - 1]].name != wanted) --level;
    if (level == 0) {
      auto& made = fail(rule::unexpected_end_tag, where, joined("</", wanted, "> closes nothing"));
      if (open_.empty()) return;
      made.meant = near_match(wanted).consider(made_.elements[open_.back()].name).nearest();
      if (!made.meant.empty()) close(begin, at_, true);
      return;
    }
    while (open_.size() > level) miss_end_tag(begin);
    close(begin, at_, true);
  }

  /// The innermost open element ends here.
  constexpr void close(std::size_t content_end, std::size_t end, bool closed) {
    auto& one = made_.elements[open_.back()];
    open_.pop_back();
    one.content_end = static_cast<std::uint32_t>(content_end);
    one.end = static_cast<std::uint32_t>(end);
    one.after = static_cast<std::uint32_t>(made_.elements.size());
    one.closed = closed;
  }

  constexpr void miss_end_tag(std::size_t here) {
    const auto& one = made_.elements[open_.back()];
    auto shown = joined("<", one.name);
    if (const auto* named = made_.find_attribute(one, "name"))
      shown.append(" name=").append(quoted(named->raw));
    findings_.error(rule::missing_end_tag, one.where, joined(shown, "> has no end tag")).next_step =
        joined("write </", one.name, "> before line ", decimal(place_.line));
    close(here, here, false);
  }

  constexpr void finish() {
    (void)place(text_.size());
    while (!open_.empty()) miss_end_tag(text_.size());
    if (made_.elements.empty() && made_.well_formed)
      fail(rule::one_root, place_, "there is no element");
  }

  xml_roots roots_;
  std::vector<std::uint32_t> open_;
};

}  // namespace keywarden::config::detail
