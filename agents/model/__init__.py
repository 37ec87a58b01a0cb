"""The model engine: any LangChain chat model argues over the same case file, and code checks what it says."""
