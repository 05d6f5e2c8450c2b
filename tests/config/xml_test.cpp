#include <keywarden/config/xml.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <keywarden/config/check.hpp>

#include "config/sample.hpp"
#include "support/scratch.hpp"

namespace xml_test {

namespace config = keywarden::config;
using config::rule;
using keywarden::testing::sample;

struct parsed {
  explicit parsed(std::string_view text, config::xml_roots roots = config::xml_roots::one)
      : document(config::parse_xml(text, findings, roots)) {}
  config::finding_list findings;
  config::xml_document document;

  [[nodiscard]] std::string value(std::size_t element, std::string_view name) const {
    const auto* found = document.find_attribute(document.elements.at(element), name);
    return found == nullptr ? "(none)" : found->value().str();
  }
};

std::string said(std::string_view text) { return parsed(text).findings.text(); }

bool clean(const parsed& one) { return one.document.well_formed && one.findings.empty(); }

/// What a reader sees of a document: each element's name, and its attributes with their bytes in
/// hexadecimal digits.
std::string canonical(const config::xml_document& of) {
  std::string made;
  for (const auto& each : of.elements) {
    made.append(each.name);
    for (std::size_t i = 0; i < each.attributes; ++i) {
      const auto& one = of.attributes[each.first_attribute + i];
      made.append(" ").append(one.name).append("=");
      for (const char byte : one.value().str()) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(byte) & 0xFFU);
        made.append(digits);
      }
    }
    made += ';';
  }
  return made;
}

/// What expat, through Python, makes of each file of a folder, by name; "refused" where it refuses.
std::map<std::string, std::string> read_by_expat(const std::filesystem::path& folder) {
  {
    std::ofstream script(folder / "read.py");
    script << R"(
import pathlib, sys, xml.etree.ElementTree as tree
from xml.parsers import expat
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
    data = path.read_bytes()
    out = []
    def start(name, attributes):
        pairs = zip(attributes[::2], attributes[1::2])
        out.append(" ".join([name] + [n + "=" + v.encode().hex() for n, v in pairs]) + ";")
    try:
        tree.fromstring(data)
        parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.StartElementHandler = start
        parser.Parse(data, True)
    except (tree.ParseError, expat.ExpatError):
        out = ["refused"]
    print(path.name, "".join(out), sep="\t")
)";
  }
  const auto output = folder / "output.txt";
  const auto command = "python3 '" + (folder / "read.py").string() + "' '" + folder.string() +
                       "' > '" + output.string() + "'";
  BOOST_REQUIRE_EQUAL(std::system(command.c_str()), 0);
  std::map<std::string, std::string> made;
  std::ifstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const auto tab = line.find('\t');
    made[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return made;
}

std::string file_name(std::size_t number) {
  char made[16];
  std::snprintf(made, sizeof made, "%05zu.xml", number);
  return made;
}

/// A change of a few bytes somewhere, the same ones on every machine.
std::string mutated(std::string text, std::mt19937& random) {
  static const std::vector<std::string> pieces{"<",
                                               ">",
                                               "/>",
                                               "</Role>",
                                               "\"",
                                               "'",
                                               "=",
                                               "&",
                                               "&lt;",
                                               "&#x41;",
                                               "&#0;",
                                               "<!--",
                                               "-->",
                                               "<!DOCTYPE a>",
                                               "<![CDATA[x]]>",
                                               "<?x?>",
                                               "\xFF",
                                               std::string(1, '\0'),
                                               "\xE2\x80\x8E",
                                               "\r",
                                               "\xEF\xBB\xBF",
                                               "<Role name='x'>",
                                               "<a/>",
                                               " "};
  const auto pick = [&](std::size_t below) { return random() % below; };
  for (auto changes = 1 + pick(3); changes > 0 && !text.empty(); --changes) {
    const auto at = pick(text.size());
    switch (pick(5)) {
      case 0:
        text.erase(at, 1 + pick(40));
        break;
      case 1:
        text.insert(at, pieces[pick(pieces.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(random() & 0xFFU);
        break;
      case 3:
        text.insert(pick(text.size()), text.substr(at, 1 + pick(300)));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

BOOST_AUTO_TEST_SUITE(xml)

BOOST_AUTO_TEST_CASE(elements_and_attributes_know_their_place_in_code_points) {
  const std::string text = "\xEF\xBB\xBF<?xml version='1.0'?>\r\n<a>\n  <!-- é -->é";
  const parsed broken(text);
  BOOST_TEST(broken.findings[0].text() ==
             "3:13: error: text between the elements; values stand in attributes; for a remark "
             "write <!-- … -->");
  const parsed one("<a>\r\n\t<ü/></a>");
  BOOST_TEST(one.findings[0].where.line == 2U);
  const std::string good = "<a>\n <b x='äö' y=\"2\"/>\r<c/></a>";
  const parsed whole(good);
  BOOST_TEST(clean(whole));
  const auto& b = whole.document.elements.at(1);
  BOOST_TEST(b.where.line == 2U);
  BOOST_TEST(b.where.column == 2U);
  BOOST_TEST(whole.document.attributes.at(1).where.column == 12U);
  BOOST_TEST(good.substr(b.where.offset, b.end - b.where.offset) == "<b x='äö' y=\"2\"/>");
  BOOST_TEST(whole.document.elements.at(2).where.line == 3U);
  BOOST_TEST(whole.document.elements.at(2).where.column == 1U);
}

BOOST_AUTO_TEST_CASE(references_are_decoded_and_line_ends_become_spaces) {
  const parsed one(
      "<a v='&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x20AC;&#x1F600;' w='a\r\nb\tc&#10;'/>");
  BOOST_TEST(clean(one));
  BOOST_TEST(one.value(0, "v") == "<>&\"'AB€😀");
  BOOST_TEST(one.value(0, "w") == "a b c\n");
}

BOOST_AUTO_TEST_CASE(what_could_fetch_or_define_anything_is_refused_by_name) {
  BOOST_TEST(said("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a/>")
                 .starts_with("1:1: error: a document type (DOCTYPE) is not accepted"));
  BOOST_TEST(said("<a><![CDATA[x]]></a>") == "1:4: error: a CDATA section is not accepted\n");
  BOOST_TEST(said("<a><?php x?></a>") ==
             "1:4: error: a processing instruction (<?…?>) is not accepted\n");
  BOOST_TEST(said("<a v='&x;'/>").starts_with("1:7: error: & within the value of v begins no"));
  BOOST_TEST(said("<a v='&#0;'/>").starts_with("1:7: error: & within"));
  BOOST_TEST(said("<a v='&#xD800;'/>").starts_with("1:7: error: & within"));
}

BOOST_AUTO_TEST_CASE(broken_markup_is_refused_and_says_where) {
  BOOST_TEST(said("") == "1:1: error: there is no element\n");
  BOOST_TEST(said("<a b/>").starts_with("1:4: error: the attribute b has no value"));
  BOOST_TEST(said("<a b=c/>") == "1:6: error: the value of b is not in quotation marks\n");
  BOOST_TEST(said("<a b='1'c='2'/>").starts_with("1:9: error: a space or > is expected"));
  BOOST_TEST(said("<a b='1' b='2'/>") == "1:10: error: the attribute b is there twice\n");
  BOOST_TEST(said("<a b='<'/>").starts_with("1:7: error: < within the value of b"));
  BOOST_TEST(said("<a/><b/>") == "1:5: error: <b> stands behind the end of the document\n");
  BOOST_TEST(said("<a><!-- a -- b --></a>") == "1:4: error: -- within a comment\n");
  BOOST_TEST(said("<a>\x01</a>").find("a control character") != std::string::npos);
  BOOST_TEST(said("<a b='\xC0\xAF'/>").find("the text is not UTF-8 here") != std::string::npos);
  BOOST_TEST(said("<a b='\xED\xA0\x80'/>").find("the text is not UTF-8 here") != std::string::npos);
  BOOST_TEST(
      said("<a></b></a>") ==
      "1:4: error: </b> closes nothing; did you mean \"a\"?\n1:8: error: </a> closes nothing\n");
  BOOST_TEST(said("<?xml version='1.1'?><a/>").starts_with("1:1: error: the first line"));
  BOOST_TEST(
      said("<?xml version='1.0' encoding='latin1'?><a/>").starts_with("1:1: error: the first"));
  BOOST_TEST(said("<x:a/>").starts_with("1:3: error: a space or > is expected in the tag <x"));
}

BOOST_AUTO_TEST_CASE(a_missing_end_tag_names_its_element_and_the_rest_is_still_read) {
  const parsed one("<a>\n<b name='x'>\n<c/>\n</a>");
  BOOST_TEST(one.document.well_formed);
  BOOST_TEST(one.findings.text("f") ==
             "f:2:1: error: <b name=\"x\"> has no end tag; write </b> before line 4\n");
  BOOST_TEST(one.document.elements.size() == 3U);
  BOOST_TEST(!one.document.elements[1].closed);
}

BOOST_AUTO_TEST_CASE(every_bound_is_held_before_memory_is_taken) {
  const auto limited = [](const std::string& text) {
    const parsed one(text);
    return one.findings.has(rule::limit) && !one.document.well_formed;
  };
  BOOST_TEST(limited(std::string((std::size_t{1} << 20U) + 1, ' ')));
  BOOST_TEST(!limited("<a/>" + std::string((std::size_t{1} << 20U) - 4, ' ')));
  std::string deep;
  for (int i = 0; i < 17; ++i) deep += "<a>";
  BOOST_TEST(limited(deep));
  std::string deepest;
  for (int i = 0; i < 16; ++i) deepest += "<a>";
  for (int i = 0; i < 16; ++i) deepest += "</a>";
  BOOST_TEST(!limited(deepest));
  std::string many = "<a>";
  for (int i = 0; i < 19'999; ++i) many += "<b/>";
  BOOST_TEST(!limited(many + "</a>"));
  BOOST_TEST(limited(many + "<b/></a>"));
  std::string wide = "<a";
  for (int i = 0; i < 32; ++i) wide += " a" + std::to_string(i) + "=''";
  BOOST_TEST(!limited(wide + "/>"));
  BOOST_TEST(limited(wide + " more=''/>"));
  BOOST_TEST(!limited("<a v='" + std::string(65'536, 'x') + "'/>"));
  BOOST_TEST(limited("<a v='" + std::string(65'537, 'x') + "'/>"));
}

BOOST_AUTO_TEST_CASE(the_list_of_findings_is_bounded) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "</b>";
  BOOST_TEST(parsed(text).findings.size() == config::finding_list::max_size + 1);
}

BOOST_AUTO_TEST_CASE(near_matches_are_near) {
  using config::edit_distance;
  BOOST_TEST(edit_distance("Retricted", "Restricted", 3) == 1U);
  BOOST_TEST(edit_distance("ab", "ba", 3) == 1U);
  BOOST_TEST(edit_distance("HTTPIN", "HttpIn", 3) == 0U);
  BOOST_TEST(edit_distance("AllowAll", "DenyAll", 3) == 4U);
  BOOST_TEST(edit_distance(std::string(65, 'a'), std::string(65, 'a'), 3) == 4U);
  BOOST_TEST(config::near_match("Denyall").consider("AllowAll").consider("DenyAll").nearest() ==
             "DenyAll");
  BOOST_TEST(config::near_match("CB").consider("SSL").nearest().empty());
}

BOOST_AUTO_TEST_CASE(a_name_out_of_a_file_cannot_command_a_terminal) {
  BOOST_TEST(config::detail::quoted("a\x1b[2J\xE2\x80\xAE").view() ==
             "\"a\\x1b[2J\\xe2\\x80\\xae\"");
  BOOST_TEST(config::detail::quoted(std::string(200, 'x')).size() == 80U + 3U + 2U);
}

BOOST_AUTO_TEST_CASE(what_this_parser_accepts_expat_accepts_with_the_same_attributes) {
  const std::vector<std::string> documents{
      "<a/>",
      "<a></a>",
      "<a ></a >",
      "<a\n/>",
      " <a/>",
      "\n<a/>\n",
      "\xEF\xBB\xBF<a/>",
      "<?xml version='1.0'?><a/>",
      "<?xml version=\"1.0\" encoding=\"utf-8\" ?><a/>",
      "<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>",
      "<?xml version='1.0' standalone='no'?><a/>",
      "<?xml encoding='utf-8'?><a/>",
      "<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>",
      " <?xml version='1.0'?><a/>",
      "<?xml version='1.0'encoding='utf-8'?><a/>",
      "<?xml?><a/>",
      "<?xml version='1.0'><a/>",
      "<a b='1' c=\"2\"/>",
      "<a b = '1'/>",
      "<a b='\"' c=\"'\"/>",
      "<a b='&lt;&#38;&#x26;'/>",
      "<a b='\t\n\r\r\n x'/>",
      "<a b='&#9;&#10;&#13;'/>",
      "<a b='&#x10FFFF;'/>",
      "<a b='&#xFFFE;'/>",
      "<a b='&#00065;'/>",
      "<a b='&#x;'/>",
      "<a b='&;'/>",
      "<a b='>'/>",
      "<a b='é€😀\xE2\x80\x8E'/>",
      "<a b='\x7F'/>",
      "<a b='\xC2\x80'/>",
      "<a b='\xEF\xBF\xBE'/>",
      "<a b='\xF4\x90\x80\x80'/>",
      "<a><!-- c --></a>",
      "<!-- c --><a/><!-- d -->",
      "<a><!----></a>",
      "<a><!-->--></a>",
      "<a><!-- c ---></a>",
      "<a><b/><c><d/></c></a>",
      "<a><b></a></b>",
      "<a.b-c_d E.f='1'/>",
      "<1a/>",
      "<a -b='1'/>",
      "< a/>",
      "<a/ >",
      "<a b='1'c='2'/>",
      "<a b='1' b='1'/>",
      "<a xmlns='http://x'/>",
      "<a xmlns=''/>",
      "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
      "<a xmlns='http&#58;//www.w3.org/2000/xmlns/'/>",
      "<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'/>",
      "<a xmlns:xsi=''/>",
      "<x:a/>",
      "<a x:b='1'/>",
      "<a/><a/>",
      "<a/>x",
      "<a>]]></a>",
      "<a>&amp;</a>",
      "<a",
      "<a b",
      "<a b='",
      "</a>",
      "<a><b></a>",
      "<!DOCTYPE a><a/>",
      "<a>x</a>"};
  const keywarden::testing::scratch folder(keywarden::testing::scratch::on::memory);
  std::map<std::string, std::string> ours;
  std::size_t refused = 0;
  const auto add = [&](const std::string& text) {
    const parsed one(text);
    if (!clean(one)) {
      ++refused;
      return;
    }
    const auto name = file_name(ours.size());
    std::ofstream(folder / name, std::ios::binary) << text;
    ours[name] = canonical(one.document);
  };
  for (const auto& each : documents) add(each);
  BOOST_TEST(ours.size() >= 25U);
  BOOST_TEST(refused >= 25U);
  add(sample());
  std::mt19937 random(1);
  for (int i = 0; i < 2000 && ours.size() < 400; ++i) add(mutated(sample(), random));
  BOOST_TEST(ours.size() >= 100U);
  const auto theirs = read_by_expat(folder.path());
  BOOST_TEST(theirs.size() == ours.size());
  for (const auto& [name, read] : ours) {
    const auto found = theirs.find(name);
    BOOST_REQUIRE(found != theirs.end());
    std::ifstream file(folder / name);
    BOOST_TEST(found->second == read,
               std::string(std::istreambuf_iterator<char>(file), {}).substr(0, 200)
                   << ": expat reads " << found->second << ", we " << read);
  }
}

BOOST_AUTO_TEST_CASE(three_thousand_mutations_never_crash_it_or_exceed_its_bounds) {
  std::mt19937 random(20260101);
  std::size_t usable = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto text = mutated(sample(), random);
    for (const auto& made : {config::check(text), config::check_fragment(text)}) {
      usable += made.usable() ? 1 : 0;
      BOOST_REQUIRE_LE(made.findings.size(), config::finding_list::max_size + 1);
      BOOST_REQUIRE(!made.findings.text("f").empty());
      std::uint32_t before = 0;
      for (const auto& each : made.findings) {
        BOOST_REQUIRE_LE(each.where.offset, text.size());
        BOOST_REQUIRE_GE(each.where.offset, before);
        before = each.where.offset;
      }
    }
  }
  BOOST_TEST(usable > 0U);
  BOOST_TEST(usable < 3000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace xml_test
