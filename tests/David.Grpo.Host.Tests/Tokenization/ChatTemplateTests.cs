using System.Text.Json.Nodes;
using David.Grpo.Tokenization;

namespace David.Grpo.Host.Tests.Tokenization;

/// <summary>Chat templates, against what jinja2 3.1.6 gives with the settings of transformers.</summary>
public sealed class ChatTemplateTests
{
    private const string Variables = """
        {
          "n": 1, "l": ["a", "b"], "s": " a b  c ", "big": 9007199254740993, "flt": 2.675, "none_": null,
          "m": {"b": 1, "a": 2, "C": 0},
          "tree": [{"n": "a", "kids": [{"n": "b", "kids": []}, {"n": "c", "kids": [{"n": "d", "kids": []}]}]}],
          "people": [{"name": "Zoe", "age": 3, "city": "B"}, {"name": "adam", "age": 20, "city": "a"},
                     {"name": "Bob", "age": 20, "city": "b"}]
        }
        """;

    private const string Tools = """
        [{"name": "search", "parameters": {"top_k": {"type": "integer", "default": 3, "maximum": 10,
          "x": 18446744073709551615, "f": 3.0, "e": 1e3}}}]
        """;

    private const string Messages = """
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
        """;

    /// <summary>Expected strings are jinja2's.</summary>
    public static TheoryData<string, string> Jinja2 { get; } =
        new()
        {
            {
                "{{ tools | tojson }} {{ n }} {{ l[n] }}",
                "[{\"name\": \"search\", \"parameters\": {\"top_k\": {\"type\": \"integer\", \"default\": 3, \"maximum\": 10, \"x\": 18446744073709551615, \"f\": 3.0, \"e\": 1000.0}}}] 1 b"
            },
            {
                "{{ tools | tojson(indent=2) }}",
                "[\n  {\n    \"name\": \"search\",\n    \"parameters\": {\n      \"top_k\": {\n        \"type\": \"integer\",\n        \"default\": 3,\n        \"maximum\": 10,\n        \"x\": 18446744073709551615,\n        \"f\": 3.0,\n        \"e\": 1000.0\n      }\n    }\n  }\n]"
            },
            {
                "{{ tools | tojson(sort_keys=true) }}",
                "[{\"name\": \"search\", \"parameters\": {\"top_k\": {\"default\": 3, \"e\": 1000.0, \"f\": 3.0, \"maximum\": 10, \"type\": \"integer\", \"x\": 18446744073709551615}}}]"
            },
            { "{{ {'b':1,'a':[1,(2,3)]} | tojson(separators=(',',':')) }}", "{\"b\":1,\"a\":[1,[2,3]]}" },
            { "{{ 'é\"\\\\' | tojson(ensure_ascii=True) }} {{ 'é' | tojson }}", "\"\\u00e9\\\"\\\\\" \"é\"" },
            {
                "{{ tools[0].parameters.top_k }}",
                "{'type': 'integer', 'default': 3, 'maximum': 10, 'x': 18446744073709551615, 'f': 3.0, 'e': 1000.0}"
            },
            {
                "{{ range(n)|list }} {{ l[:n] }} {{ 'x'*n }} {{ n is integer }} {{ n is float }} {{ n is number }}",
                "[0] ['a'] x True False True"
            },
            {
                "{{ -1|abs }} {{ -1.5|abs }} {{ big }} {{ big*big }} {{ big - 1 }} {{ 2**100 }} {{ 7//2 }} {{ -7//2 }} {{ -7%3 }} {{ 7/2 }} {{ 2**-1 }}",
                "1 1.5 9007199254740993 81129638414606699710187514626049 9007199254740992 1267650600228229401496703205376 3 -4 2 3.5 0.5"
            },
            { "{{ 1 if n else 2.0 }} {{ n + 1.0 }} {{ n * 2 }} {{ true + 1 }} {{ -n }} {{ +n }}", "1 2.0 2 2 -1 1" },
            {
                "{% macro hi(who, mark='.') %}Hi {{ who }}{{ mark }}{% endmacro %}{{ hi('A') }}{{ hi('B', mark='!') }}",
                "Hi A.Hi B!"
            },
            {
                "{% macro f(a, b=a) %}{{ a }}-{{ b }}{% endmacro %}{{ f(1) }} {{ f(1,2) }} {{ f(b=3,a=4) }}",
                "1-1 1-2 4-3"
            },
            {
                "{% macro f(a) %}{{ a }}|{{ varargs }}|{{ kwargs }}{% endmacro %}{{ f(1,2,3,x=4) }}",
                "1|(2, 3)|{'x': 4}"
            },
            { "{% macro f(a) %}[{{ a is defined }}]{% endmacro %}{{ f() }}", "[False]" },
            { "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}x{{ n }}{% endcall %}", "<x1>" },
            {
                "{% macro f() %}<{{ caller(1, b=2) }}>{% endmacro %}{% call(a, b=9) f() %}{{ a }}{{ b }}{% endcall %}",
                "<12>"
            },
            { "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(5) }}", "543210" },
            { "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}", "2" },
            { "{% for x in l %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "ab" },
            { "{% macro m() %}{{ n }}{{ y }}{% endmacro %}{% for y in l %}{{ m() }}{% endfor %}", "11" },
            { "{% filter upper %}abc {{ n }}{% endfilter %}", "ABC 1" },
            { "{% filter upper|replace('A','_') %}abc {{ n }}{% endfilter %}", "_BC 1" },
            { "{% filter indent(2) %}a\nb\n{% endfilter %}", "a\n  b\n" },
            { "{% with a=1, b=2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "12" },
            { "{% set a=5 %}{% with a=1, b=a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "155" },
            { "{% with %}{% set q=1 %}{{ q }}{% endwith %}{{ q }}", "1" },
            {
                "{% for x in tree recursive %}{{ x.n }}{% if x.kids %}({{ loop(x.kids) }}){% endif %}{% endfor %}",
                "a(bc(d))"
            },
            {
                "{% for x in tree recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ x.n }}{{ loop(x.kids) }}{% endfor %}",
                "10a21b21c32d"
            },
            { "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12" },
            { "{% set a, b = l %}{{ a }}{{ b }}", "ab" },
            { "{% set (a, b) = l %}{{ a }}{{ b }}", "ab" },
            { "{% set a, (b, c) = 1, (2, 3) %}{{ a }}{{ b }}{{ c }}", "123" },
            { "{% for k, (a, b) in [(1,(2,3))] %}{{ k }}{{ a }}{{ b }}{% endfor %}", "123" },
            { "{% for (k, v) in m.items() %}{{ k }}{{ v }}{% endfor %}", "b1a2C0" },
            { "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "123" },
            { "{% set x | upper %}abc{% endset %}{{ x }}", "ABC" },
            { "{% set ns = namespace(a=1) %}{% set ns.a, b = 3, 4 %}{{ ns.a }}{{ b }}", "34" },
            { "{% set ns = namespace(a=1) %}{% set ns.a %}zz{% endset %}{{ ns.a }}", "zz" },
            {
                "{% for x in l %}{{ loop.cycle('p','q') }}{{ loop.changed(x) }}{{ loop.length }}{{ loop.revindex }}{% endfor %}",
                "pTrue22qTrue21"
            },
            {
                "{% for x in people|sort(attribute='city') %}{% if loop.changed(x.city|lower) %}{{ x.city }}:{% endif %}{{ x.name }} {% endfor %}",
                "a:adam B:Zoe Bob "
            },
            { "{% for x in [1,2,3] %}{{ loop.previtem }}{{ x }}{{ loop.nextitem }};{% endfor %}", "12;123;23;" },
            {
                "{{ 'a b c'.rsplit(' ', 1) }} {{ s.split() }} {{ s.rsplit() }} {{ s.split(none, 1) }} {{ s.rsplit(none, 1) }} {{ 'a,b,c'.split(',', 1) }} {{ 'aaa'.split('a') }} {{ 'aaa'.rsplit('aa') }}",
                "['a b', 'c'] ['a', 'b', 'c'] ['a', 'b', 'c'] ['a', 'b  c '] [' a b', 'c'] ['a', 'b,c'] ['', '', '', ''] ['a', '']"
            },
            {
                "{{ s.split(' ') }} {{ ''.split() }} {{ ''.split(',') }} {{ '  '.split(none, 0) }} {{ ' a b '.split(none, 0) }} {{ ' a b '.rsplit(none, 0) }}",
                "['', 'a', 'b', '', 'c', ''] [] [''] [] ['a b '] [' a b']"
            },
            { "[{{ ' a b '.split(none, 1) | join(',') }}]", "[a,b ]" },
            {
                "{{ 'abcabc'.count('bc') }} {{ 'abc'.count('') }} {{ 'abcabc'.index('c') }} {{ 'abcabc'.rindex('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.find('a', 1) }} {{ 'abcabc'.rfind('a') }}",
                "2 4 2 5 -1 3 3"
            },
            {
                "{{ '12'.isdigit() }} {{ '1²'.isdigit() }} {{ ''.isdigit() }} {{ 'AB1'.isupper() }} {{ '1'.isupper() }} {{ 'ab'.islower() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'Ab Cd'.istitle() }} {{ '½'.isnumeric() }} {{ '1'.isdecimal() }}",
                "True True False True False True True True True True True True"
            },
            {
                "{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'abc'.rpartition('=') }}",
                "('a', '=', 'b=c') ('a=b', '=', 'c') ('abc', '', '') ('', '', 'abc')"
            },
            {
                "{{ 'ab'.center(5) }}| {{ 'abc'.center(6, '*') }}| {{ 'ab'.ljust(4) }}| {{ 'ab'.rjust(4,'.') }}| {{ '-5'.zfill(4) }} {{ 'aB'.swapcase() }} {{ 'STRASSE'.casefold() }} {{ 'ß'.casefold() }}",
                "  ab | *abc**| ab  | ..ab| -005 Ab strasse ss"
            },
            {
                "{{ 'a\nb\\r\nc\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ ''.splitlines() }}",
                "['a', 'b', 'c'] ['a\\n', 'b'] []"
            },
            {
                "{{ '{} {}'.format(1, 'x') }} {{ '{0}{1}{0}'.format('a','b') }} {{ '{a:>5}|{b:<5}|{c:^5}'.format(a=1,b='x',c=2.5) }} {{ '{:.2f} {:05d} {:,} {:x} {:e} {:%}'.format(3.14159, 42, 1234567, 255, 12345.678, 0.5) }} {{ '{{}}'.format() }} {{ '{!r}'.format('x') }}",
                "1 x aba     1|x    | 2.5  3.14 00042 1,234,567 ff 1.234568e+04 50.000000% {} 'x'"
            },
            {
                "{{ '{:+d} {: d} {:<6}| {:*^7}|'.format(5, 5, 'ab', 'x') }} {{ '{0[0]} {0.x}'.format([1]) }}",
                "+5  5 ab    | ***x***| 1 "
            },
            {
                "{{ '%s %d %5.2f %r %% %-5s| %05d %x' % ('a', 3, 2.5, 'q', 'ab', 42, 255) }}",
                "a 3  2.50 'q' % ab   | 00042 ff"
            },
            {
                "{{ '%s' % 'x' }} {{ '%s and %s'|format('a', 'b') }} {{ '%(a)s'|format(a=1) }} {{ '%g %g %g %e' % (0.0001, 1e10, 123456789, 5) }}",
                "x a and b 1 0.0001 1e+10 1.23457e+08 5.000000e+00"
            },
            {
                "{{ ['b','a','C']|sort }} {{ ['b','a','C']|sort(case_sensitive=true) }} {{ [3,1,2]|sort(reverse=true) }} {{ people|sort(attribute='age')|map(attribute='name')|list }} {{ people|sort(attribute='age,name')|map(attribute='name')|join(',') }} {{ people|sort(attribute='age', reverse=true)|map(attribute='name')|list }}",
                "['a', 'b', 'C'] ['C', 'a', 'b'] [3, 2, 1] ['Zoe', 'adam', 'Bob'] Zoe,adam,Bob ['adam', 'Bob', 'Zoe']"
            },
            {
                "{{ m|dictsort }} {{ m|dictsort(by='value') }} {{ m|dictsort(true) }} {{ m|dictsort(reverse=true) }}",
                "[('a', 2), ('b', 1), ('C', 0)] [('C', 0), ('b', 1), ('a', 2)] [('C', 0), ('a', 2), ('b', 1)] [('C', 0), ('b', 1), ('a', 2)]"
            },
            {
                "{{ ['a','A','b','a']|unique|list }} {{ ['a','A']|unique(true)|list }} {{ people|unique(attribute='age')|map(attribute='name')|list }}",
                "['a', 'b'] ['a', 'A'] ['Zoe', 'adam']"
            },
            {
                "{{ '1.5'|float }} {{ 'x'|float }} {{ 'x'|float(2) }} {{ 3|float }} {{ '3.7'|int }} {{ '0x1f'|int(0,16) }} {{ '1f'|int(base=16) }} {{ 'z'|int }} {{ 'z'|int(-1) }} {{ 3.9|int }} {{ ' 7 '|int }} {{ '1_0'|int }} {{ none|int }} {{ '101'|int(0,2) }}",
                "1.5 0.0 2 3.0 3 31 31 0 -1 3 7 10 0 5"
            },
            {
                "{{ [1,2.5]|sum }} {{ people|sum(attribute='age') }} {{ [1,2]|sum(start=10) }} {{ []|sum }}",
                "3.5 43 13 0"
            },
            {
                "{{ 2.5|round }} {{ 3.5|round }} {{ flt|round(2) }} {{ 0.125|round(2) }} {{ 42.55|round(1,'floor') }} {{ 42.55|round(1,'ceil') }} {{ 7|round }} {{ 1234.5|round(-2) }} {{ -2.5|round }} {{ 2.567|round(1)|string }}",
                "2.0 4.0 2.67 0.12 42.5 42.6 7 1200.0 -2.0 2.6"
            },
            {
                "{{ [3,1,2]|min }} {{ [3,1,2]|max }} {{ ['b','A']|min }} {{ people|max(attribute='age') }} {{ []|max }}",
                "1 3 A {'name': 'adam', 'age': 20, 'city': 'a'} "
            },
            {
                "{{ [1,2,3,4,5]|batch(2)|list }} {{ [1,2,3]|batch(2,'x')|list }} {{ [1,2,3,4,5]|slice(2)|list }} {{ [1,2,3,4,5]|slice(3,'x')|list }}",
                "[[1, 2], [3, 4], [5]] [[1, 2], [3, 'x']] [[1, 2, 3], [4, 5]] [[1, 2], [3, 4], [5, 'x']]"
            },
            {
                "{{ '<a href=\"x\">\\'&'|e }} {{ 'a b c_d e-f'|wordcount }} {{ 'abc'|center(9) }}| {{ 'hello world foo bar'|truncate(10) }} {{ 'hello world foo bar'|truncate(10, true) }} {{ 'hello'|truncate(3) }} {{ 'hello world'|truncate(9, end='>', leeway=0) }}",
                "&lt;a href=&#34;x&#34;&gt;&#39;&amp; 5    abc   | hello... hello w... hello hello>"
            },
            {
                "{{ '<p>a  b</p> <!-- x --> c &amp; d'|striptags }} {{ 'a b/ü&'|urlencode }} {{ {'a':1,'b c':'ü'}|urlencode }} {{ 123456|filesizeformat }} {{ 1024|filesizeformat(true) }} {{ 1|filesizeformat }}",
                "a b c & d a%20b/%C3%BC%26 a=1&b+c=%C3%BC 123.5 kB 1.0 KiB 1 Byte"
            },
            {
                "{% for c, items in people|groupby('age') %}{{ c }}:{{ items|map(attribute='name')|join('+') }};{% endfor %}",
                "3:Zoe;20:adam+Bob;"
            },
            { "{% for g in people|groupby('city') %}{{ g.grouper }}:{{ g.list|length }};{% endfor %}", "a:1;B:2;" },
            {
                "{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'Ab' is lower }} {{ '1' is lower }} {{ 'x' is sameas 'x' }} {{ none is sameas none }} {{ 1 is sameas true }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }}",
                "True True False False True True False True False True"
            },
            {
                "{{ 1 is lessthan 2 }} {{ 3 is greaterthan(2) }} {{ 3 is divisibleby 3 }} {{ 4 is even }} {{ 1 is in [1,2] }} {{ 'a' is in 'abc' }} {{ (1,2) is sequence }} {{ m is mapping }} {{ x is undefined }} {{ 1 is eq 1 }} {{ 1 is not none }}",
                "True True True True True True True True True True True"
            },
            {
                "{{ 1.5e3 }} {{ 0x1f }} {{ 0b101 }} {{ 0o17 }} {{ 1e3 }} {{ 1E-5 }} {{ 1_000 }} {{ 1_0.5 }} {{ 2.0 }} {{ 1e16 }} {{ 1e22 }} {{ 123456789012345678 }} {{ 0.1+0.2 }}",
                "1500.0 31 5 15 1000.0 1e-05 1000 10.5 2.0 1e+16 1e+22 123456789012345678 0.30000000000000004"
            },
            { "{{ [[1,[2,3]]].0.1 }} {{ [[1,[2,3]]].0.1.1 }} {{ l.0 }}", "[2, 3] 3 a" },
            {
                "{{ 'ß'|upper }} {{ 'ß'.upper() }} {{ 'ﬁx'|upper }} {{ 'ΑΣ'|lower }} {{ 'İ'|lower|length }} {{ 'ßab'|capitalize }} {{ 'éCOLE'.capitalize() }}",
                "SS SS FIX ας 2 Ssab École"
            },
            {
                "{{ m.items()|list }} {{ m|items|list }} {{ m.keys()|list }} {{ [1,2,1].count(1) }} {{ [1,2].index(2) }} {{ (1,2).index(2) }}",
                "[('b', 1), ('a', 2), ('C', 0)] [('b', 1), ('a', 2), ('C', 0)] ['b', 'a', 'C'] 2 1 1"
            },
            {
                "{{ [1,2] < [1,3] }} {{ (1,2) < (2,) }} {{ 'a' < 'b' < 'c' }} {{ 1 < 2.5 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }}",
                "True True True True True True False"
            },
            {
                "{{ people|map(attribute='zip', default='?')|join(',') }} {{ people|map('attr','name')|list }} {{ l|map('upper')|list }} {{ people|selectattr('age','gt',5)|map(attribute='name')|list }} {{ people|rejectattr('age','equalto',20)|list|length }} {{ [0,1,'']|select|list }} {{ [1,2,3]|select('odd')|list }} {{ [1,2,3]|reject('odd')|list }}",
                "?,?,? [Undefined, Undefined, Undefined] ['A', 'B'] ['adam', 'Bob'] 1 [1] [1, 3] [2]"
            },
            {
                "{{ [[1,2],[3,4]]|map(attribute=0)|list }} {{ [[1,2],[3,4]]|map('first')|list }} {{ [[1,2],[3,4]]|map(attribute='1')|list }}",
                "[1, 3] [1, 3] [2, 4]"
            },
            { "{% set j = joiner('; ') %}{% for x in [1,2,3] %}{{ j() }}{{ x }}{% endfor %}", "1; 2; 3" },
            {
                "{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.reset() }}{{ c.current }}",
                "abaaNonea"
            },
            {
                "{% macro args(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ args(*[1]) }} {{ args(**{'a': 5}) }} {{ args(*[1,2]) }}",
                "12 52 12"
            },
            { "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% endfor %}", "yo" },
            {
                "{% macro f() %}{% for x in l %}{% if x == 'b' %}{% break %}{% endif %}{{ x }}{% endfor %}{% endmacro %}{{ f() }}",
                "a"
            },
            {
                "{% for x in [] %}a{% else %}none{% endfor %} {% for x in [1,2,3,4] if x is even %}{{ loop.index }}{{ x }}{% endfor %}",
                "none 1224"
            },
            {
                "{{ 'abc'|reverse }} {{ [1,2]|reverse|list }} {{ (1,2)|reverse|list }} {{ 'abc'[::-1] }} {{ 'abc'|first }} {{ [1,2]|last }} {{ 'abc'|length }} {{ 'a😀b'|length }} {{ 'a😀b'[1] }} {{ 'abc'|list }}",
                "cba [2, 1] [2, 1] cba a 2 3 3 😀 ['a', 'b', 'c']"
            },
            {
                "{{ 'a\nb'|indent }}| {{ 'a\n\nb'|indent(2, true) }}| {{ 'a\n\nb'|indent('>', blank=true) }}| {{ none_|default('x') }} {{ nope|default('x') }} {{ ''|default('x', true) }} {{ nope|d }}",
                "a\n    b|   a\n\n  b| a\n>\n>b| None x x "
            },
            {
                "{{ nope }} {{ nope ~ 'a' }} {{ 1 ~ 2.0 ~ none ~ true }} {{ [none, true, 1.0, 'a\\'b', \"x\"] }} {{ {'a': none} }}",
                " a 12.0NoneTrue [None, True, 1.0, \"a'b\", 'x'] {'a': None}"
            },
            {
                "{{ 'x' if false }} {{ not true }} {{ 1 and 0 or 'z' }} {{ n in [1] }} {{ n not in [1] }}",
                " False z True False"
            },
            { "{{ 'a' 'b' }} {{ \"\\u00e9\\x41\\t|\" }} {{ 'it''s' }}", "ab éA\t| its" },
            {
                "{{ 1|string + '2' }} {{ 'x'.join(['a','b']) }} {{ 'a-b'.replace('-', '+') }} {{ 'aaa'.replace('a','b',2) }} {{ 'aaa'|replace('a','b',1) }} {{ 'xxabxx'.strip('x') }} {{ ' a'.lstrip() }} {{ 'abc'.startswith(('a','b')) }} {{ 'abc'.removeprefix('ab') }}",
                "12 axb a+b bba baa ab a True c"
            },
            {
                "{{ dict(a=1, b=2) }} {{ dict(m, z=1) }} {{ m.get('zz', 5) }} {{ m.get('a') }} {{ m['a'] }} {{ 'a' in m }} {{ m.a }} {{ m|length }}",
                "{'a': 1, 'b': 2} {'b': 1, 'a': 2, 'C': 0, 'z': 1} 5 2 2 True 2 3"
            },
            { "{% if n %}{% set y = 3 %}{% endif %}{{ y }} {% for i in l %}{% set y = 9 %}{% endfor %}{{ y }}", "3 3" },
            { "{%- for x in l -%} {{ x }} {%- endfor -%} end", "abend" },
            { "{% raw %}{{ x }}{% endraw %} {# c #} {{- ' t ' -}} z", "{{ x }}  t z" },
            { "  {% if true %}\n  a\n  {% endif %}\nb", "  a\nb" },
            {
                "{% macro a(x) %}{{ x }}{% endmacro %}{{ a(1)|length }} {{ a('q') ~ 'z' }} {{ a(1) is string }}",
                "1 qz True"
            },
            {
                "{% macro row(p, depth=0) %}\n{{ '  ' * depth }}- {{ p.n }}\n{%- for c in p.kids %}{{ row(c, depth + 1) }}{% endfor %}{% endmacro %}{{ row(tree[0]) }}",
                "- a  - b  - c    - d"
            },
            {
                "{{ 18446744073709551615 }} {{ 18446744073709551615 + 1 }} {{ 18446744073709551616 - 18446744073709551615 }} {{ 99999999999999999999 is integer }} {{ 99999999999999999999|string|length }}",
                "18446744073709551615 18446744073709551616 1 True 20"
            },
            {
                "{{ 9223372036854775807 + 1 }} {{ [1,2,3]|length * 1.0 }} {{ (n if true else 1.5) + 1 }} {{ [1, 1.5]|map('string')|join }} {{ 3|default(1.5) }}",
                "9223372036854775808 3.0 2 11.5 3"
            },
            { "{% set x %}a{% set y=1 %}{% endset %}{{ x }}{{ y }}", "a" },
            { "{{ loop }}", "" },
            { "{% for x in l recursive %}{{ x }}{% endfor %}", "ab" },
            { "{{ 'abc'.foo }} {{ m.foo }} {{ l.foo }}", "  " },
            {
                "{{ [1,2]|join }} {{ [1,2]|join(', ') }} {{ people|join(',', attribute='name') }} {{ 'a,b'.split(',')|map('trim')|list|tojson }}",
                "12 1, 2 Zoe,adam,Bob [\"a\", \"b\"]"
            },
            { "{{ 5|filesizeformat }} {{ 'a'|attr('upper')() }} {{ l|attr('nope') }}", "5 Bytes A " },
            {
                "{{ 'A😀'|lower|upper|title }} {{ \"o'neil\"|title }} {{ \"HELLO (world) [x]\"|title }}",
                "A😀 O'neil Hello (World) [X]"
            },
        };

    [Theory]
    [MemberData(nameof(Jinja2))]
    public void Template_RendersAsJinja2(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{% macro f() %}<>{% endmacro %}{% call f() %}x{% endcall %}", "'f' has no parameter 'caller'")]
    [InlineData("{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "'f' got 2 arguments; expected at most 1")]
    [InlineData("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}", "calls itself without end")]
    [InlineData("{% set a, b = 1, 2, 3 %}", "2 names take as many items")]
    [InlineData("{{ [1, 'a']|sort }}", "'<' cannot compare")]
    [InlineData("{{ 2 ** 10000000 }}", "'**' gives a number that is too large")]
    [InlineData("{% include 'x' %}", "the tag 'include' is not supported")]
    [InlineData("{{ 'x'|nofilter }}", "the filter 'nofilter' is not supported")]
    [InlineData("{{ strftime_now('%Y') }}", "cannot be called")]
    public void Template_ThatCannotBeCarriedOut_IsRefusedWithItsLine(string template, string reason)
    {
        string message = Assert.Throws<ChatTemplateException>(() => Render("\n" + template)).Message;
        Assert.StartsWith("Chat template, line 2: ", message);
        Assert.Contains(reason, message);
    }

    [Theory]
    [InlineData("2026-11-09", "%d %b %Y|%-d %B %y|%A, %H:%M", "09 Nov 2026|9 November 26|Monday, 00:00")]
    [InlineData("2026-01-31T15:04:05", "%F %T %I%p %j %%", "2026-01-31 15:04:05 03PM 031 %")]
    public void StrftimeNow_TellsTheTimeThatIsGiven(string time, string format, string expected)
    {
        ChatTemplate template = new($"{{{{ strftime_now('{format}') }}}}");
        Assert.Equal(expected, template.Render(new JsonArray(), variables: new JsonObject { ["strftime_now"] = time }));
    }

    [Fact]
    public void Numbers_OfNodesMadeInCode_KeepTheirKind()
    {
        ChatTemplate template = new("{{ a }} {{ b }} {{ c }} {{ d }}");
        JsonObject variables = new()
        {
            ["a"] = 3,
            ["b"] = 3.0,
            ["c"] = 3L,
            ["d"] = 2.5f,
        };
        Assert.Equal("3 3.0 3 2.5", template.Render(new JsonArray(), variables: variables));
    }

    [Fact]
    public void ALoneSurrogate_IsAChatTemplateException()
    {
        JsonArray messages = (JsonArray)JsonNode.Parse("""[{"role": "user", "content": "a\ud800b"}]""")!;
        Assert.Throws<ChatTemplateException>(() => new ChatTemplate("{{ messages[0].content }}").Render(messages));
    }

    private static string Render(string template) =>
        new ChatTemplate(template).Render(
            (JsonArray)JsonNode.Parse(Messages)!,
            tools: (JsonArray)JsonNode.Parse(Tools)!,
            variables: (JsonObject)JsonNode.Parse(Variables)!
        );
}
