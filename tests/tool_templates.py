"""Chat templates with tools, of the kinds that models have."""

from __future__ import annotations

HEAD = "<|start_header_id|>{}<|end_header_id|>\n\n"
SYSTEM, USER, ASSISTANT, RESULT = (
    HEAD.format(r) for r in ("system", "user", "assistant", "ipython")
)

# As Llama 3.1's: tools stand in the first message of the user, a turn has one call at most, and
# results are written as JSON because a string is iterable.
LLAMA = (
    "{{- bos_token }}"
    "{%- if tools_in_user_message is not defined %}"
    "{%- set tools_in_user_message = true %}{%- endif %}"
    "{%- if messages[0]['role'] == 'system' %}"
    "{%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}"
    "{%- else %}{%- set system = '' %}{%- endif %}"
    f"{{{{- '{SYSTEM}' }}}}"
    "{%- if tools is not none %}{{- 'Environment: ipython\n' }}{%- endif %}"
    "{%- if tools is not none and not tools_in_user_message %}"
    "{%- for t in tools %}{{- t | tojson(indent=4) }}{{- '\n\n' }}{%- endfor %}{%- endif %}"
    "{{- system + '<|eot_id|>' }}"
    "{%- if tools_in_user_message and tools is not none %}"
    "{%- set first = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}"
    f"{{{{- '{USER}' }}}}"
    "{%- for t in tools %}{{- t | tojson(indent=4) }}{{- '\n\n' }}{%- endfor %}"
    "{{- first + '<|eot_id|>' }}{%- endif %}"
    "{%- for message in messages %}"
    "{%- if 'tool_calls' in message %}"
    "{%- if message.tool_calls | length != 1 %}{{- raise_exception('one call only') }}{%- endif %}"
    "{%- set call = message.tool_calls[0].function %}"
    f"{{{{- '{ASSISTANT}' }}}}"
    '{{- \'{"name": "\' + call.name + \'", "parameters": \' }}'
    "{{- call.arguments | tojson }}{{- '}<|eot_id|>' }}"
    "{%- elif message.role == 'tool' %}"
    f"{{{{- '{RESULT}' }}}}"
    "{%- if message.content is mapping or message.content is iterable %}"
    "{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}"
    "{{- '<|eot_id|>' }}"
    "{%- else %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{- message['content'] | trim + '<|eot_id|>' }}{%- endif %}"
    "{%- endfor %}"
    f"{{%- if add_generation_prompt %}}{{{{- '{ASSISTANT}' }}}}{{%- endif %}}"
)

# As many others: tools one a line in the system's turn, several calls a turn, arguments by name.
LINES = (
    "{%- if tools %}{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
    "{%- for tool in tools %}"
    "{%- if tool.function.parameters.type == 'object' %}{{- tool.function.name + '(' }}"
    "{%- for name, kind in tool.function.parameters.properties.items() %}"
    "{{- name + ': ' + kind.type }}"
    "{%- if name in (tool.function.parameters.required or []) %}{{- '!' }}{%- endif %}"
    "{%- endfor %}{{- ') ' }}{%- endif %}{{- tool | tojson + '\n' }}{%- endfor %}"
    "{{- '<|eot_id|>' }}{%- endif %}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content }}"
    "{%- for call in message.tool_calls or [] %}"
    "{{- '<call id=' + call.id + '>' + call.function.name }}"
    "{%- for name, value in call.function.arguments.items() %}"
    "{{- ' ' + name + '=' }}{{- value | tojson }}{%- endfor %}{{- '</call>' }}{%- endfor %}"
    "{%- if message.role == 'tool' %}{{- ' of ' + message.name }}{%- endif %}"
    "{{- '<|eot_id|>' }}{%- endfor %}"
)
